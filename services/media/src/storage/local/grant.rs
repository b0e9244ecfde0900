//! URLs that grant one thing until a time, and the check that one is such a URL.
//!
//! Signed is the text `<method> <key>?<query>`, the query up to the signature as it stands in the URL: there is one way to
//! write it, and no other is a grant.

use aws_lc_rs::hmac;
use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
use chrono::{DateTime, Utc};
use http::{Method, Uri};
use secrecy::{ExposeSecret as _, SecretString};
use url::{Url, form_urlencoded};

use crate::storage::Key;

const SIGNATURE: &str = "&signature=";

/// What a URL grants.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Grant {
    /// Writing the object, once.
    Put { key: Key, content_type: String, size_bytes: u64 },
    /// Reading it.
    Get { key: Key, content_type: String, filename: String },
}

/// Why a URL grants nothing.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum NoGrant {
    /// It was not made here, or not for this method.
    Forged,
    /// Its time is over.
    Expired,
}

/// Makes and checks URLs.
pub(super) struct Grants {
    key: hmac::Key,
    /// Of the URLs of clients.
    public: Base,
    /// Of those of other services, where it is another.
    internal: Option<Base>,
}

/// The beginning of URLs.
struct Base {
    /// Without a slash at its end.
    url: String,
    /// The path in it.
    path: String,
}

impl Base {
    fn new(url: &Url) -> Self {
        let bare = |text: &str| text.trim_end_matches('/').to_owned();
        Self { url: bare(url.as_str()), path: bare(url.path()) }
    }

    /// The object that a path under it names.
    fn key(&self, path: &str) -> Option<Key> {
        Key::parse(path.strip_prefix(self.path.as_str())?.strip_prefix('/')?)
    }
}

impl Grants {
    pub fn new(key: &SecretString, public_url: &Url, internal_url: Option<&Url>) -> Self {
        Self {
            key: hmac::Key::new(hmac::HMAC_SHA256, key.expose_secret().as_bytes()),
            public: Base::new(public_url),
            internal: internal_url.map(Base::new),
        }
    }

    pub fn put_url(
        &self,
        key: &Key,
        content_type: &str,
        size_bytes: u64,
        expire_time: DateTime<Utc>,
    ) -> String {
        let size_bytes = size_bytes.to_string();
        let pairs = [("type", content_type), ("size", &size_bytes)];
        self.url(&self.public, "PUT", key, &pairs, expire_time)
    }

    pub fn get_url(
        &self,
        key: &Key,
        content_type: &str,
        filename: &str,
        expire_time: DateTime<Utc>,
    ) -> String {
        let pairs = [("type", content_type), ("filename", filename)];
        self.url(&self.public, "GET", key, &pairs, expire_time)
    }

    /// The same for other services; `None` where they reach the directory as clients do.
    pub fn internal_get_url(
        &self,
        key: &Key,
        content_type: &str,
        filename: &str,
        expire_time: DateTime<Utc>,
    ) -> Option<String> {
        let pairs = [("type", content_type), ("filename", filename)];
        Some(self.url(self.internal.as_ref()?, "GET", key, &pairs, expire_time))
    }

    fn url(
        &self,
        base: &Base,
        method: &str,
        key: &Key,
        pairs: &[(&str, &str)],
        expire_time: DateTime<Utc>,
    ) -> String {
        let query = form_urlencoded::Serializer::new(String::new())
            .extend_pairs(pairs)
            // In whole seconds, not sooner than asked for.
            .append_pair(
                "expires",
                &(expire_time.timestamp_millis() + 999).div_euclid(1_000).to_string(),
            )
            .finish();
        let signature = hmac::sign(&self.key, signed(method, key, &query).as_bytes());
        let signature = BASE64_URL_SAFE_NO_PAD.encode(signature);
        format!("{}/{key}?{query}{SIGNATURE}{signature}", base.url)
    }

    /// What a request for this may do.
    pub fn read(&self, method: &Method, uri: &Uri, now: DateTime<Utc>) -> Result<Grant, NoGrant> {
        let forged = || NoGrant::Forged;
        let put = method == Method::PUT;
        let bases = [Some(&self.public), self.internal.as_ref()];
        let key = bases.into_iter().flatten().find_map(|base| base.key(uri.path()));
        let key = key.ok_or_else(forged)?;
        let query = uri.query().and_then(|query| query.rsplit_once(SIGNATURE));
        let (query, signature) = query.ok_or_else(forged)?;
        let signature = BASE64_URL_SAFE_NO_PAD.decode(signature).map_err(|_| forged())?;
        // To read is to ask for the headers alone as well.
        let text = signed(if put { "PUT" } else { "GET" }, &key, query);
        hmac::verify(&self.key, text.as_bytes(), &signature).map_err(|_| forged())?;

        let (mut content_type, mut filename, mut size_bytes, mut expires) =
            (None, None, None, None);
        for (name, value) in form_urlencoded::parse(query.as_bytes()) {
            match &*name {
                "type" => content_type = Some(value.into_owned()),
                "filename" => filename = Some(value.into_owned()),
                "size" => size_bytes = value.parse().ok(),
                "expires" => expires = value.parse().ok(),
                _ => {}
            }
        }
        let (content_type, expires): (String, i64) =
            content_type.zip(expires).ok_or_else(forged)?;
        if now.timestamp() >= expires {
            return Err(NoGrant::Expired);
        }
        if put {
            let size_bytes = size_bytes.ok_or_else(forged)?;
            Ok(Grant::Put { key, content_type, size_bytes })
        } else {
            let filename = filename.ok_or_else(forged)?;
            Ok(Grant::Get { key, content_type, filename })
        }
    }
}

fn signed(method: &str, key: &Key, query: &str) -> String {
    format!("{method} {key}?{query}")
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;
    use proptest::prelude::*;

    use super::*;
    use crate::storage::key::test_key as key;

    fn grants(key: &str) -> Grants {
        let public = "https://media.example/store/".parse().unwrap();
        Grants::new(&SecretString::from(key.to_owned()), &public, None)
    }

    fn at(seconds: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(seconds, 0).unwrap()
    }

    fn read(grants: &Grants, method: &Method, url: &str, now: i64) -> Result<Grant, NoGrant> {
        grants.read(method, &url.parse().unwrap(), at(now))
    }

    #[test]
    fn a_url_grants_what_it_was_made_for_until_its_time() {
        let grants = grants("a key of urls");
        let url = grants.put_url(&key(), "image/png", 5, at(100));
        assert!(url.starts_with("https://media.example/store/wsp_"));
        let put = Grant::Put { key: key(), content_type: "image/png".to_owned(), size_bytes: 5 };
        assert_eq!(read(&grants, &Method::PUT, &url, 99), Ok(put));
        assert_eq!(read(&grants, &Method::PUT, &url, 100), Err(NoGrant::Expired));
        assert_eq!(read(&grants, &Method::GET, &url, 99), Err(NoGrant::Forged));

        let url = grants.get_url(&key(), "image/png", "a b&size=7+ß.png", at(100));
        let get = || Grant::Get {
            key: key(),
            content_type: "image/png".to_owned(),
            filename: "a b&size=7+ß.png".to_owned(),
        };
        assert_eq!(read(&grants, &Method::GET, &url, 99), Ok(get()));
        assert_eq!(read(&grants, &Method::HEAD, &url, 99), Ok(get()));
        assert_eq!(read(&grants, &Method::PUT, &url, 99), Err(NoGrant::Forged));
    }

    #[test]
    fn services_read_at_the_address_inside() {
        let secret = SecretString::from("a key of urls".to_owned());
        let public = "https://media.example/store/".parse().unwrap();
        let internal = "http://media.internal:50071".parse().unwrap();
        let grants = Grants::new(&secret, &public, Some(&internal));
        let url = grants.internal_get_url(&key(), "image/png", "a.png", at(100)).unwrap();
        assert!(url.starts_with("http://media.internal:50071/wsp_"), "{url}");
        assert!(read(&grants, &Method::GET, &url, 99).is_ok());
        assert_eq!(read(&grants, &Method::PUT, &url, 99), Err(NoGrant::Forged));
        let url = grants.get_url(&key(), "image/png", "a.png", at(100));
        assert!(url.starts_with("https://media.example/store/wsp_"), "{url}");
        assert!(read(&grants, &Method::GET, &url, 99).is_ok());
        let none = self::grants("a key of urls");
        assert_eq!(none.internal_get_url(&key(), "image/png", "a.png", at(100)), None);
    }

    #[test]
    fn a_fraction_of_a_second_is_not_taken_off() {
        let grants = grants("a key of urls");
        let url = grants.put_url(&key(), "image/png", 5, at(100) + TimeDelta::milliseconds(1));
        assert!(read(&grants, &Method::PUT, &url, 100).is_ok());
        assert_eq!(read(&grants, &Method::PUT, &url, 101), Err(NoGrant::Expired));
    }

    #[test]
    fn a_url_of_another_key_grants_nothing() {
        let url = grants("a key of urls").put_url(&key(), "image/png", 5, at(100));
        assert_eq!(read(&grants("another key"), &Method::PUT, &url, 0), Err(NoGrant::Forged));
    }

    proptest! {
        #[test]
        fn a_changed_url_grants_nothing(place in 0_usize..1_000, with in "[ -~]") {
            let grants = grants("a key of urls");
            let url = grants.put_url(&key(), "image/png", 5, at(100));
            let from = "https://media.example".len();
            let place = from + place % (url.len() - from);
            let mut changed = url.clone();
            changed.replace_range(place..=place, &with);
            let Ok(uri) = changed.parse::<Uri>() else { return Ok(()) };
            // The last character of a signature has bits that say nothing; base64 refuses all but one way to write them.
            let granted = grants.read(&Method::PUT, &uri, at(0)).is_ok();
            prop_assert_eq!(granted, changed == url);
        }
    }
}
