//! Texts that the server alone can say, for pages whose language may be switched without asking it again.

use super::Lang;
use serde::{Deserialize, Serialize};

/// A text for both languages.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Both {
    /// The same in each: a name, a number, or what somebody else has said.
    Same(String),
    /// In Chinese, and in English.
    Each(String, String),
}

impl Both {
    /// What is said in each language.
    #[cfg(feature = "ssr")]
    pub fn of(say: impl Fn(Lang) -> String) -> Self {
        let (zh, en) = (say(Lang::Zh), say(Lang::En));
        if zh == en { Self::Same(zh) } else { Self::Each(zh, en) }
    }

    /// The text in a language.
    pub fn get(&self, lang: Lang) -> &str {
        match (self, lang) {
            (Self::Same(text), _) | (Self::Each(text, _), Lang::Zh) | (Self::Each(_, text), Lang::En) => text,
        }
    }
}
