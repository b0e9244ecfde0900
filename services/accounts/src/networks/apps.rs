//! The networks where the operator has registered an application.

use std::sync::Arc;

use postbreeze_proto::v1::Platform;
use postbreeze_runtime::config::{ConfigError, Lookup};

use super::{
    Network,
    app::{Addresses, App},
    facebook_page::{self, FacebookPage},
    http::Http,
    instagram::{self, Instagram},
    linkedin::{self, Author, Linkedin},
    pinterest::{self, Pinterest},
    threads::{self, Threads},
    tiktok::{self, Tiktok},
    x::{self, X},
    youtube::{self, Youtube},
};

/// A platform, where its network is, and what speaks with it.
type Known = (Platform, &'static Addresses, fn(App, Http) -> Arc<dyn Network>);

const KNOWN: [Known; 9] = [
    (Platform::Instagram, &instagram::ADDRESSES, |app, http| Arc::new(Instagram::new(app, http))),
    (Platform::FacebookPage, &facebook_page::ADDRESSES, |app, http| {
        Arc::new(FacebookPage::new(app, http))
    }),
    (Platform::Threads, &threads::ADDRESSES, |app, http| Arc::new(Threads::new(app, http))),
    (Platform::X, &x::ADDRESSES, |app, http| Arc::new(X::new(&app, http))),
    (Platform::LinkedinPerson, &linkedin::ADDRESSES, |app, http| {
        Arc::new(Linkedin::new(app, http, Author::Person))
    }),
    (Platform::LinkedinCompany, &linkedin::ADDRESSES, |app, http| {
        Arc::new(Linkedin::new(app, http, Author::Company))
    }),
    (Platform::Tiktok, &tiktok::ADDRESSES, |app, http| Arc::new(Tiktok::new(app, http))),
    (Platform::Youtube, &youtube::ADDRESSES, |app, http| Arc::new(Youtube::new(&app, http))),
    (Platform::Pinterest, &pinterest::ADDRESSES, |app, http| Arc::new(Pinterest::new(app, http))),
];

/// The applications, by platform.
pub(crate) struct Apps(Vec<(Known, App)>);

impl Apps {
    /// Reads the settings of all of them.
    ///
    /// # Errors
    /// When one is bad, or half of it is missing.
    pub(crate) fn read(lookup: &Lookup) -> Result<Self, ConfigError> {
        let mut apps = Vec::new();
        for known in KNOWN {
            apps.extend(App::read(lookup, known.1)?.map(|app| (known, app)));
        }
        Ok(Self(apps))
    }

    /// What speaks with their networks.
    pub(crate) fn networks(&self, http: &Http) -> Vec<(Platform, Arc<dyn Network>)> {
        let network = |((platform, _, make), app): &(Known, App)| {
            (*platform, make(app.clone(), http.clone()))
        };
        self.0.iter().map(network).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::networks::exchange::http;

    fn lookup(pairs: &[(&str, &str)]) -> Lookup {
        let own =
            |(name, value): &(&str, &str)| (format!("POSTBREEZE_{name}"), (*value).to_owned());
        Lookup::new(pairs.iter().map(own))
    }

    fn platforms(pairs: &[(&str, &str)]) -> Vec<Platform> {
        let apps = Apps::read(&lookup(pairs)).ok().unwrap();
        apps.networks(&http()).into_iter().map(|(platform, _)| platform).collect()
    }

    #[test]
    fn only_networks_with_an_application_can_be_connected() {
        let redirect = ("OAUTH_REDIRECT_URL", "https://app.example/callback");
        assert_eq!(platforms(&[redirect]), []);
        let x = [redirect, ("X_CLIENT_ID", "id"), ("X_CLIENT_SECRET", "secret")];
        assert_eq!(platforms(&x), [Platform::X]);
        // One application serves both kinds of authors.
        let linkedin = [redirect, ("LINKEDIN_CLIENT_ID", "id"), ("LINKEDIN_CLIENT_SECRET", "s")];
        assert_eq!(platforms(&linkedin), [Platform::LinkedinPerson, Platform::LinkedinCompany]);
        let names =
            ["INSTAGRAM", "FACEBOOK", "THREADS", "X", "LINKEDIN", "TIKTOK", "YOUTUBE", "PINTEREST"];
        let all: Vec<(String, &str)> = names
            .iter()
            .flat_map(|name| {
                [(format!("{name}_CLIENT_ID"), "id"), (format!("{name}_CLIENT_SECRET"), "s")]
            })
            .collect();
        let mut all: Vec<(&str, &str)> =
            all.iter().map(|(name, value)| (name.as_str(), *value)).collect();
        all.push(redirect);
        assert_eq!(platforms(&all), KNOWN.map(|(platform, ..)| platform));
    }

    #[test]
    fn half_of_an_application_is_named() {
        let redirect = ("OAUTH_REDIRECT_URL", "https://app.example/callback");
        for (pairs, variable) in [
            (&[("X_CLIENT_ID", "id"), redirect][..], "POSTBREEZE_X_CLIENT_SECRET"),
            (&[("X_CLIENT_ID", "id"), ("X_CLIENT_SECRET", "s")], "POSTBREEZE_OAUTH_REDIRECT_URL"),
            (
                &[
                    ("X_CLIENT_ID", "id"),
                    ("X_CLIENT_SECRET", "s"),
                    redirect,
                    ("X_API_URL", "nowhere"),
                ],
                "POSTBREEZE_X_API_URL",
            ),
        ] {
            let error = Apps::read(&lookup(pairs)).err().unwrap();
            assert_eq!(error.variable, variable);
        }
    }
}
