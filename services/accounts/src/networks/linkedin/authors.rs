//! Who a person can post as.

use chrono::{DateTime, Utc};
use secrecy::SecretString;
use serde_json::Value;

use super::Linkedin;
use crate::networks::{Begun, http::Problem};

/// Companies that are looked at.
const COMPANIES: usize = 20;

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

    /// The companies that the person administers; of many, those that can be looked at in time. Where one of them is wanted,
    /// that one.
    pub(super) async fn companies(
        &self,
        token: &SecretString,
        begun: &Begun<'_>,
    ) -> Result<Vec<Who>, Problem> {
        let query = [
            ("q", "roleAssignee"),
            ("role", "ADMINISTRATOR"),
            ("state", "APPROVED"),
            ("count", "100"),
        ];
        let acls: Value = self.read(token, "rest/organizationAcls", &query, begun.now).await?;
        let id_of = |acl: &Value| {
            let urn = acl["organization"].as_str()?;
            urn.strip_prefix("urn:li:organization:").map(str::to_owned)
        };
        let mut ids: Vec<String> =
            acls["elements"].as_array().into_iter().flatten().filter_map(id_of).collect();
        if ids.iter().any(|id| id == begun.external_id) {
            ids.retain(|id| id == begun.external_id);
        }
        let mut companies = Vec::new();
        for id in ids.into_iter().take(COMPANIES) {
            companies.push(self.company(token, id, begun.now).await?);
        }
        Ok(companies)
    }

    async fn company(
        &self,
        token: &SecretString,
        id: String,
        now: DateTime<Utc>,
    ) -> Result<Who, Problem> {
        let page: Value = self.read(token, &format!("rest/organizations/{id}"), &[], now).await?;
        let text = |name: &str| page[name].as_str().unwrap_or_default().to_owned();
        let name = text("localizedName");
        let handle = Some(text("vanityName")).filter(|name| !name.is_empty());
        let handle = handle.unwrap_or_else(|| name.clone());
        Ok(Who { id, handle, name, picture: String::new() })
    }
}
