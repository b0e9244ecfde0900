//! Plans and what each allows: the table that the operator can replace.

use postbreeze_proto::v1;
use serde::Deserialize;

/// A plan, smallest first.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Plan {
    /// What a user has who never chose one.
    #[default]
    Free,
    /// The smallest with analytics.
    Pro,
    /// The smallest with white-label.
    Agency,
    /// The largest.
    Enterprise,
}

impl Plan {
    /// Every plan, smallest first.
    pub const ALL: [Self; 4] = [Self::Free, Self::Pro, Self::Agency, Self::Enterprise];

    /// The plan on the wire.
    #[must_use]
    pub fn to_proto(self) -> v1::Plan {
        match self {
            Self::Free => v1::Plan::Free,
            Self::Pro => v1::Plan::Pro,
            Self::Agency => v1::Plan::Agency,
            Self::Enterprise => v1::Plan::Enterprise,
        }
    }

    /// The plan of a wire value; `None` for the unspecified one.
    #[must_use]
    pub fn from_proto(plan: v1::Plan) -> Option<Self> {
        Self::ALL.into_iter().find(|known| known.to_proto() == plan)
    }

    /// The plan as the database keeps it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Free => "free",
            Self::Pro => "pro",
            Self::Agency => "agency",
            Self::Enterprise => "enterprise",
        }
    }

    /// The plan of its name in the database.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|plan| plan.as_str() == name)
    }
}

/// What a plan allows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PlanTerms {
    /// The plan.
    pub plan: Plan,
    /// Posts in one UTC month over all workspaces of an owner; `None`: unlimited.
    pub posts_per_month: Option<i64>,
    /// Bytes of media over all workspaces of an owner; `None`: unlimited.
    pub media_bytes: Option<i64>,
    /// Whether advanced analytics are included.
    pub advanced_analytics: bool,
    /// Whether white-label is included.
    pub white_label: bool,
}

/// The terms of every plan.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plans([PlanTerms; 4]);

/// Why a file is no table of plans.
#[derive(Debug, thiserror::Error)]
pub enum PlansError {
    /// It is no TOML of the right form.
    #[error("{0}")]
    Form(#[from] toml::de::Error),
    /// A plan is missing or there twice.
    #[error("the plan {0} must be there exactly once")]
    NotOnce(&'static str),
    /// A limit is below zero.
    #[error("a limit of the plan {0} is negative")]
    Negative(&'static str),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct PlansFile {
    plans: Vec<PlanTerms>,
}

impl Plans {
    /// The plans that come with the program.
    #[must_use]
    pub fn built_in() -> Self {
        Self::parse(include_str!("../plans.toml")).expect("a test reads the built-in file")
    }

    /// The plans of a file's text.
    ///
    /// # Errors
    /// When the text is none, lacks a plan or has a negative limit.
    pub fn parse(text: &str) -> Result<Self, PlansError> {
        let file: PlansFile = toml::from_str(text)?;
        let mut terms = file.plans;
        terms.sort_by_key(|terms| terms.plan);
        for plan in Plan::ALL {
            let mut of_plan = terms.iter().filter(|terms| terms.plan == plan);
            let (Some(terms), None) = (of_plan.next(), of_plan.next()) else {
                return Err(PlansError::NotOnce(plan.as_str()));
            };
            if [terms.posts_per_month, terms.media_bytes]
                .into_iter()
                .flatten()
                .any(i64::is_negative)
            {
                return Err(PlansError::Negative(plan.as_str()));
            }
        }
        // Each of the four is there once, so there are four.
        terms.try_into().map(Self).map_err(|_| PlansError::NotOnce(Plan::Free.as_str()))
    }

    /// Every plan's terms, smallest first.
    pub fn iter(&self) -> impl Iterator<Item = PlanTerms> + '_ {
        self.0.iter().copied()
    }

    /// The terms of a plan.
    #[must_use]
    pub fn terms(&self, plan: Plan) -> PlanTerms {
        self.0[plan as usize]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_built_in_plans_are_those_of_the_contract() {
        const GIB: i64 = 1_024 * 1_024 * 1_024;
        let limits: Vec<_> = Plans::built_in()
            .iter()
            .map(|terms| {
                (
                    terms.plan,
                    terms.posts_per_month,
                    terms.media_bytes,
                    terms.advanced_analytics,
                    terms.white_label,
                )
            })
            .collect();
        assert_eq!(
            limits,
            [
                (Plan::Free, Some(20), Some(GIB), false, false),
                (Plan::Pro, Some(300), Some(50 * GIB), true, false),
                (Plan::Agency, Some(3_000), Some(500 * GIB), true, true),
                (Plan::Enterprise, None, None, true, true),
            ]
        );
    }

    #[test]
    fn each_plan_finds_its_own_terms_and_its_names_round_trip() {
        let plans = Plans::built_in();
        for plan in Plan::ALL {
            assert_eq!(plans.terms(plan).plan, plan);
            assert_eq!(Plan::parse(plan.as_str()), Some(plan));
            assert_eq!(Plan::from_proto(plan.to_proto()), Some(plan));
        }
        assert_eq!(Plan::from_proto(v1::Plan::Unspecified), None);
    }

    #[test]
    fn a_file_that_lacks_repeats_misnames_or_negates_is_refused() {
        let whole = include_str!("../plans.toml");
        for bad in [
            String::new(),
            "plans = 7".to_owned(),
            whole.replace("PRO", "FREE"),
            whole.replace("PRO", "GOLD"),
            whole.replace("posts_per_month = 20", "posts_per_month = -1"),
            whole.replace("posts_per_month = 20", "posts_per_weak = 20"),
            format!(
                "{whole}\n[[plans]]\nplan = \"PRO\"\nadvanced_analytics = true\nwhite_label = true"
            ),
        ] {
            assert!(Plans::parse(&bad).is_err(), "{bad}");
        }
    }
}
