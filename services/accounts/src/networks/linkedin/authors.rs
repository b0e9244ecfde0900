//! Who a person can post as.

use chrono::{DateTime, Utc};
use secrecy::SecretString;
use serde_json::Value;

use super::Linkedin;
use crate::networks::http::Problem;

/// Who was connected.
pub(super) struct Who {
    pub(super) id: String,
    pub(super) handle: String,
    pub(super) name: String,
    pub(super) picture: String,
}

impl Linkedin {
    pub(super) async fn person(
        &self,
        token: &SecretString,
        now: DateTime<Utc>,
    ) -> Result<Who, Problem> {
        let me: Value = self.read(token, "v2/userinfo", &[], now).await?;
        let text = |name: &str| me[name].as_str().unwrap_or_default().to_owned();
        let (id, name) = (text("sub"), text("name"));
        Ok(Who { id, handle: name.clone(), name, picture: text("picture") })
    }

    /// The first company that the person administers.
    pub(super) async fn company(
        &self,
        token: &SecretString,
        now: DateTime<Utc>,
    ) -> Result<Option<Who>, Problem> {
        let query = [("q", "roleAssignee"), ("role", "ADMINISTRATOR"), ("state", "APPROVED")];
        let acls: Value = self.read(token, "rest/organizationAcls", &query, now).await?;
        let urn = acls["elements"][0]["organization"].as_str().unwrap_or_default();
        let Some(id) = urn.strip_prefix("urn:li:organization:") else { return Ok(None) };
        let page: Value = self.read(token, &format!("rest/organizations/{id}"), &[], now).await?;
        let text = |name: &str| page[name].as_str().unwrap_or_default().to_owned();
        let name = text("localizedName");
        let handle = Some(text("vanityName")).filter(|name| !name.is_empty());
        let handle = handle.unwrap_or_else(|| name.clone());
        Ok(Some(Who { id: id.to_owned(), handle, name, picture: String::new() }))
    }
}
