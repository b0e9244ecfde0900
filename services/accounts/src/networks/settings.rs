//! The settings of the networks. One that is not configured cannot be connected.

use postbreeze_egress::{CA_FILE, Policy, TrustedRoots};
use postbreeze_runtime::config::{ConfigError, Lookup};
use url::Url;

use super::{apps::Apps, http::Http};

const REDIRECT_URL: &str = "POSTBREEZE_OAUTH_REDIRECT_URL";
/// Where a server shows the code to the person instead, who carries it on.
const OUT_OF_BAND: &str = "urn:ietf:wg:oauth:2.0:oob";
const BLUESKY_URL: &str = "POSTBREEZE_BLUESKY_URL";
const BLUESKY_APP_VIEW_URL: &str = "POSTBREEZE_BLUESKY_APPVIEW_URL";

/// The settings.
pub(crate) struct NetworkSettings {
    /// The way to all of them.
    pub(crate) http: Http,
    /// Where people come back to from granting access.
    pub(crate) redirect_url: String,
    /// The applications that are registered at networks.
    pub(crate) apps: Apps,
    /// The server of Bluesky accounts that name none.
    pub(crate) bluesky_url: String,
    /// The service of Bluesky that knows whole threads.
    pub(crate) bluesky_app_view_url: String,
}

impl NetworkSettings {
    /// Reads the settings.
    ///
    /// # Errors
    /// When one is bad.
    pub(crate) fn read(lookup: &Lookup) -> Result<Self, ConfigError> {
        let (policy, roots) = (Policy::read(lookup)?, TrustedRoots::read(lookup)?);
        let http = Http::new(policy, &roots).map_err(|error| ConfigError::new(CA_FILE, error))?;
        let redirect_url = lookup.text(REDIRECT_URL).unwrap_or_else(|| OUT_OF_BAND.to_owned());
        if Url::parse(&redirect_url).is_err() {
            return Err(ConfigError::new(REDIRECT_URL, "must be a URL"));
        }
        Ok(Self {
            http,
            redirect_url,
            apps: Apps::read(lookup)?,
            bluesky_url: base_url(lookup, BLUESKY_URL, "https://bsky.social")?,
            bluesky_app_view_url: base_url(
                lookup,
                BLUESKY_APP_VIEW_URL,
                "https://public.api.bsky.app",
            )?,
        })
    }
}

/// The address that a network's paths are under, without a slash at its end.
pub(super) fn base_url(
    lookup: &Lookup,
    variable: &str,
    default: &str,
) -> Result<String, ConfigError> {
    let text = lookup.text(variable).unwrap_or_else(|| default.to_owned());
    let sound = Url::parse(&text).is_ok_and(|url| {
        matches!(url.scheme(), "http" | "https") && url.has_host() && url.query().is_none()
    });
    if !sound {
        return Err(ConfigError::new(
            variable,
            "must be an address such as https://network.example",
        ));
    }
    Ok(text.trim_end_matches('/').to_owned())
}

#[cfg(test)]
mod tests {
    use http::Method;
    use postbreeze_proto::internal::v1::MediaToPublish;
    use postbreeze_testkit::PrivateCa;
    use serde_json::json;

    use super::*;
    use crate::networks::{
        exchange::{Exchange, get},
        http::Problem,
    };

    fn read(settings: &[(&str, &str)]) -> Result<NetworkSettings, ConfigError> {
        let settings = settings.iter().map(|(name, value)| ((*name).into(), (*value).into()));
        NetworkSettings::read(&Lookup::new(settings))
    }

    #[tokio::test]
    async fn networks_and_the_store_may_have_certificates_of_the_operators_own_authority() {
        let answered = || get("/there", &[]).answers(200, json!({}));
        let exchange = Exchange::of([answered(), answered(), answered()]).await;
        let ca = PrivateCa::new();
        let url: Url = exchange.url.parse().unwrap();
        let server = ([127, 0, 0, 1], url.port().unwrap()).into();
        let url = format!("https://{}/there", ca.front(server).await);
        let allowed = ("POSTBREEZE_EGRESS_ALLOW", "127.0.0.1/32");

        let without = read(&[allowed]).unwrap().http;
        let medium = exchange.medium("/there", "image/png", 2);
        let medium = MediaToPublish { internal_url: url.clone(), ..medium };
        let guarded = without.guarded(Method::GET, &url).unwrap();
        for request in [without.open(Method::GET, &url), guarded, without.read(&medium)] {
            let problem = request.send().await.err().unwrap();
            assert!(matches!(problem, Problem::NotSent(_)), "{problem:?}");
        }

        let file = ca.file().display().to_string();
        let with = read(&[allowed, (CA_FILE, &file)]).unwrap().http;
        assert_eq!(with.open(Method::GET, &url).send().await.unwrap().status, 200);
        let guarded = with.guarded(Method::GET, &url).unwrap();
        assert_eq!(guarded.send().await.unwrap().status, 200);
        assert_eq!(&with.medium(&medium, 2).await.unwrap()[..], b"{}");
        exchange.is_over();
    }

    #[test]
    fn a_bad_file_of_authorities_is_named() {
        let error = read(&[(CA_FILE, "/nonexistent/ca.pem")]).err().unwrap();
        assert_eq!(error.variable, "POSTBREEZE_CA_FILE");
    }
}
