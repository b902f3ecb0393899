//! HTML as text, for what has no events of its own: tables, lists, choices.
//!
//! A view puts the machinery of each kind of element into the bundle, and builds a tree on the server; text is neither.
//! It is drawn by the same functions on both sides and given to `inner_html`, which hydration leaves alone.

/// HTML in the making. Everything that comes from outside goes through [`Html::text`].
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Html(String);

impl Html {
    /// Nothing yet.
    pub fn new() -> Self {
        Self(String::with_capacity(1024))
    }

    /// Markup, as it is.
    #[must_use]
    pub fn raw(mut self, markup: &'static str) -> Self {
        self.0.push_str(markup);
        self
    }

    /// Text, or the value of a quoted attribute: escaped.
    #[must_use]
    pub fn text(mut self, text: &str) -> Self {
        for part in text.split_inclusive(['&', '<', '>', '"', '\'']) {
            let mut chars = part.chars();
            let escaped = match chars.next_back() {
                Some('&') => "&amp;",
                Some('<') => "&lt;",
                Some('>') => "&gt;",
                Some('"') => "&quot;",
                Some('\'') => "&#39;",
                _ => {
                    self.0.push_str(part);
                    continue;
                }
            };
            self.0.push_str(chars.as_str());
            self.0.push_str(escaped);
        }
        self
    }

    /// A link.
    #[must_use]
    pub fn link(self, href: &str, text: &str) -> Self {
        self.raw("<a href=\"").text(href).raw("\">").text(text).raw("</a>")
    }

    /// A choice of a `<select>`.
    #[must_use]
    pub fn choice(self, value: &str, label: &str, chosen: bool) -> Self {
        let end = if chosen { "\" selected>" } else { "\">" };
        self.raw("<option value=\"").text(value).raw(end).text(label).raw("</option>")
    }

    /// A heading of a column.
    #[must_use]
    pub fn column(self, text: &str, number: bool) -> Self {
        let start = if number { "<th scope=\"col\" class=\"number\">" } else { "<th scope=\"col\">" };
        self.raw(start).text(text).raw("</th>")
    }

    /// The beginning of a cell that knows its column's name.
    #[must_use]
    pub fn cell(self, label: &str, number: bool) -> Self {
        let start = if number { "<td class=\"number\" data-label=\"" } else { "<td data-label=\"" };
        self.raw(start).text(label).raw("\">")
    }

    /// The beginning of the cell that names its row.
    #[must_use]
    pub fn row_head(self, label: &str, number: bool) -> Self {
        let start = if number {
            "<tr><th scope=\"row\" class=\"number\" data-label=\""
        } else {
            "<tr><th scope=\"row\" data-label=\""
        };
        self.raw(start).text(label).raw("\">")
    }

    /// Each of a list in turn.
    #[must_use]
    pub fn each<T>(self, list: impl IntoIterator<Item = T>, draw: impl FnMut(Self, T) -> Self) -> Self {
        list.into_iter().fold(self, draw)
    }

    /// The text.
    pub fn done(self) -> String {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_comes_from_outside_is_escaped() {
        let html = Html::new().raw("<b>").text("a<b>&\"'c桩").raw("</b>").done();
        assert_eq!(html, "<b>a&lt;b&gt;&amp;&quot;&#39;c桩</b>");
        assert_eq!(Html::new().link("/?a=1&b=\"", "<").done(), "<a href=\"/?a=1&amp;b=&quot;\">&lt;</a>");
    }
}
