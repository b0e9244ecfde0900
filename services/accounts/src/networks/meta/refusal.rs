//! Errors of the Graph API, and how long its limits last.

use std::time::Duration;

use serde::Deserialize;

use crate::networks::{
    DUPLICATE, TokenTrouble,
    http::{Answer, Refusal},
};

pub(super) const RATE_LIMITED: &str = "rate_limited";
/// When the API does not say how long a limit lasts.
const LIMIT_WAIT: Duration = Duration::from_mins(5);

/// How long a limit lasts, from the header in which Meta tells of it.
pub(super) fn usage_wait(answer: &Answer, refusal: &Refusal) -> Option<Duration> {
    if refusal.code != RATE_LIMITED {
        return None;
    }
    let header = answer.headers.get("x-business-use-case-usage");
    let usage = header.and_then(|header| serde_json::from_slice(header.as_bytes()).ok());
    let usage: serde_json::Value = usage.unwrap_or_default();
    let entries =
        usage.as_object().into_iter().flat_map(|all| all.values()).filter_map(|all| all.as_array());
    let minutes = entries
        .flatten()
        .filter_map(|entry| entry["estimated_time_to_regain_access"].as_u64())
        .max()
        .filter(|minutes| *minutes > 0);
    Some(minutes.map_or(LIMIT_WAIT, |minutes| Duration::from_secs(minutes.saturating_mul(60))))
}

/// An error of the Graph API.
pub(crate) fn refusal(answer: &Answer) -> Refusal {
    #[derive(Deserialize, Default)]
    struct Said {
        #[serde(default)]
        message: String,
        #[serde(default)]
        code: i64,
        #[serde(default)]
        error_subcode: i64,
        #[serde(default)]
        is_transient: bool,
        #[serde(default)]
        error_user_msg: String,
    }
    let error = answer.value()["error"].take();
    // The endpoints of OAuth have a shape of their own.
    let oauth = answer.value()["error_message"].as_str().map(str::to_owned);
    let said: Said = serde_json::from_value(error).unwrap_or_default();
    let code = match (said.code, said.error_subcode) {
        // The person has taken the application away.
        (190, 458) => "token_revoked",
        (190 | 102, _) => "token_expired",
        (4 | 17 | 32 | 613 | 80_000..=80_014, _) | (9, 2_207_042) => RATE_LIMITED,
        (9_007, 2_207_027) => "in_progress",
        (3 | 10 | 200..=299, _) => "permission_denied",
        (368, _) => "blocked_by_network",
        (506, _) => DUPLICATE,
        (1, 2_207_057) => "invalid_parameter",
        (1 | -1, _) => "unknown_error",
        (2, _) => "temporarily_unavailable",
        // It could not be fetched, which says nothing of what it is.
        (-2, _) | (9_004, 2_207_052) => "media_unreachable",
        (36_000..=36_004 | 352 | 9_004, _) => "media_refused",
        (100, 33) => "not_found",
        (100, _) => "invalid_parameter",
        _ => "refused",
    };
    let message = [said.error_user_msg, said.message]
        .into_iter()
        .chain(oauth)
        .find(|text| !text.is_empty())
        .unwrap_or_else(|| answer.text());
    Refusal {
        code: code.to_owned(),
        message,
        transient: said.is_transient
            || matches!(code, RATE_LIMITED | "in_progress" | "media_unreachable"),
        // Failures of the servers, which the network tells as bad requests.
        lasts: None,
        ambiguous: matches!(code, "unknown_error" | "temporarily_unavailable")
            || matches!(said.code, -2),
        token: match code {
            "token_revoked" => Some(TokenTrouble::Revoked),
            "token_expired" => Some(TokenTrouble::Expired),
            _ => None,
        },
    }
}
