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
