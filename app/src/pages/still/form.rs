//! Forms of commands.

use crate::components::{self, Entry};
use crate::data::{Problem, WrongForm};
use crate::text::Lang;
use maud::Markup;

/// A form of a command, whose fields come back with what is wrong.
pub struct Form<'a> {
    pub lang: Lang,
    /// The command's name, which stands before the names of the fields.
    pub command: &'a str,
    /// The form that came back, whichever it is.
    pub wrong: Option<&'a WrongForm>,
}

impl Form<'_> {
    /// A field.
    pub fn entry(&self, entry: &Entry<'_>) -> Markup {
        let back = self.wrong.filter(|wrong| wrong.form == self.command);
        let typed = back.and_then(|wrong| wrong.typed.iter().find(|(name, _)| name == entry.name));
        let error = back.and_then(|wrong| wrong.errors.iter().find(|(name, _)| name == entry.name));
        let error = match error {
            None => String::new(),
            Some((_, Problem::Field(error))) => self.lang.field_error(error),
            Some((_, Problem::Told(_, text))) => text.get(self.lang).to_owned(),
        };
        let name = [self.command, ".", entry.name].concat();
        let value = typed.map_or(entry.value, |(_, value)| value.as_str());
        components::entry(&Entry { name: &name, value, ..*entry }, &error)
    }
}
