//! The expressions of a rule, compiled. `config check` has told what is wrong with them, but a plan may come from
//! elsewhere.

use crate::config::RuleSettings;
use crate::config::expression::{Expression, Language};

/// The compiled expressions of a rule, by their keys.
pub(super) struct Statements(Vec<(&'static str, Expression)>);

impl Statements {
    pub(super) fn of(settings: &RuleSettings, language: &Language) -> Result<Self, String> {
        let compiled = settings.expressions().map(|(key, text, wanted)| {
            let expression = language.compile(text, wanted);
            let expression = expression.map_err(|mistakes| {
                let told = mistakes.into_iter().map(|mistake| mistake.message);
                format!("`{key}` is no expression: {}", told.collect::<Vec<_>>().join("; "))
            });
            Ok((key, expression?))
        });
        compiled.collect::<Result<_, _>>().map(Self)
    }

    pub(super) fn condition(&self, key: &str) -> Option<&Expression> {
        self.0.iter().find(|(known, _)| *known == key).map(|(_, expression)| expression)
    }

    pub(super) fn message(&self) -> Option<&Expression> {
        self.condition("message")
    }
}
