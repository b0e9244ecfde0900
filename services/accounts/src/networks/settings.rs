//! The settings of the networks. One that is not configured cannot be connected.

use postbreeze_egress::Policy;
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
        let policy = Policy::read(lookup)?;
        let http = Http::new(policy).map_err(|error| ConfigError::new("SSL_CERT_FILE", error))?;
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
