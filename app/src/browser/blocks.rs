//! What of new markup stands in the document already.
//!
//! A page of 50 charge points is 110 KB of markup, and what changes in a moment is a few of its rows: to have the browser read all of
//! it took longer than a frame. So a block, an element with a `data-key`, that is the same as in the markup that was put in last goes
//! into the new one as an empty element that says so.

/// What an element is known by among its siblings, wherever it moves.
pub const KEY: &str = "data-key";
/// Whose content and attributes stay as they are.
pub const SAME: &str = "data-same";
/// All that say so.
pub const ALL_SAME: &str = "[data-same]";

/// An element with a key that holds no other of its name.
struct Block<'a> {
    /// Where it stands in the markup.
    begin: usize,
    tag: &'a str,
    key: &'a str,
    whole: &'a str,
}

/// The markup with those blocks emptied that are the same in `last`.
pub fn without_known(markup: &str, last: &str) -> String {
    let known = blocks(last);
    let (mut rest, mut without) = (0, String::new());
    for Block { begin, tag, key, whole } in blocks(markup) {
        let mut of_key = known.iter().filter(|block| block.key == key && block.tag == tag);
        // Of several with one key nobody knows which one it was.
        if let (Some(block), None) = (of_key.next(), of_key.next())
            && block.whole == whole
        {
            without.extend([part(markup, rest, begin), "<", tag, " ", KEY, "=\"", key, "\" ", SAME, "></", tag, ">"]);
            rest = begin + whole.len();
        }
    }
    without.push_str(part(markup, rest, markup.len()));
    without
}

/// The blocks of markup as this program draws it: attributes in double quotes, no `<` in texts. Of those within each other the outer
/// ones.
fn blocks(markup: &str) -> Vec<Block<'_>> {
    /// How a key stands in an element.
    const ATTRIBUTE: &str = " data-key=\"";
    let mut blocks = Vec::new();
    let (mut at, mut begin) = (0, 0);
    let bytes = markup.as_bytes();
    while let Some(byte) = bytes.get(at) {
        if *byte == b'<' {
            begin = at;
        }
        if *byte == b' ' && bytes[at..].starts_with(ATTRIBUTE.as_bytes()) {
            let found = block(markup, begin, at + ATTRIBUTE.len());
            at = found.as_ref().map_or(at, |block| begin + block.whole.len() - 1);
            blocks.extend(found);
        }
        at += 1;
    }
    blocks
}

/// The block that begins there, with its key.
fn block(markup: &str, begin: usize, key: usize) -> Option<Block<'_>> {
    let until = |from: usize, end: u8| markup.as_bytes().get(from..)?.iter().position(|byte| *byte == end);
    let tag = part(markup, begin + 1, begin + 1 + until(begin + 1, b' ')?);
    let key = part(markup, key, key + until(key, b'"')?);
    let mut at = begin + 1;
    loop {
        at += until(at, b'<')? + 1;
        let name = part(markup, at, markup.len());
        let inner = name.strip_prefix('/');
        if inner.unwrap_or(name).strip_prefix(tag).is_some_and(|after| after.starts_with([' ', '>'])) {
            let whole = part(markup, begin, at + 1 + tag.len() + 1);
            return inner.map(|_| Block { begin, tag, key, whole });
        }
    }
}

fn part(markup: &str, from: usize, to: usize) -> &str {
    markup.get(from..to).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    const A: &str = r#"<tr class="x" data-key="A"><td>1</td></tr>"#;
    const B: &str = r#"<tr data-key="B"><td>2</td></tr>"#;
    const SAME_A: &str = r#"<tr data-key="A" data-same></tr>"#;
    const SAME_B: &str = r#"<tr data-key="B" data-same></tr>"#;

    fn table(rows: &[&str]) -> String {
        format!("<table><tbody>{}</tbody></table>", rows.concat())
    }

    #[test]
    fn what_is_the_same_is_left_out_wherever_it_stands() {
        let last = table(&[A, B]);
        assert_eq!(without_known(&table(&[A, B]), &last), table(&[SAME_A, SAME_B]));
        assert_eq!(without_known(&table(&[B, A]), &last), table(&[SAME_B, SAME_A]));
        let other = A.replace('1', "3");
        assert_eq!(without_known(&table(&[&other, B]), &last), table(&[&other, SAME_B]));
        let marked = B.replace("<tr", r#"<tr class="is-new""#);
        assert_eq!(without_known(&table(&[A, &marked]), &last), table(&[SAME_A, &marked]));
    }

    #[test]
    fn what_is_new_or_the_first_stays_whole() {
        let (first, new) = (table(&[A]), B.replace("\"B\"", "\"C\""));
        assert_eq!(without_known(&first, ""), first);
        assert_eq!(without_known(&table(&[A, &new]), &first), table(&[SAME_A, &new]));
        let list = r#"<li data-key="A"><td>1</td></li>"#;
        assert_eq!(without_known(list, &first), list, "another element of this key");
    }

    #[test]
    fn a_key_that_stands_twice_says_nothing() {
        let (once, twice) = (table(&[A]), table(&[A, A]));
        assert_eq!(without_known(&once, &twice), once, "which one it was");
        assert_eq!(without_known(&twice, &once), table(&[SAME_A, SAME_A]), "there was but one: see `morph`");
    }

    #[test]
    fn an_element_with_others_of_its_name_is_looked_into() {
        let inner = r#"<li data-key="in"><b>1</b></li>"#;
        let outer = |extra: &str| format!(r#"<li data-key="out"><ul>{inner}<li>{extra}</li></ul></li>"#);
        let expected = outer("3").replace(inner, r#"<li data-key="in" data-same></li>"#);
        assert_eq!(without_known(&outer("3"), &outer("2")), expected);
        let link = r#"<p data-key="k"><path d="M0"/><pre>x</pre></p>"#;
        assert_eq!(without_known(link, link), r#"<p data-key="k" data-same></p>"#, "names that only begin alike");
    }

    #[test]
    fn markup_that_is_no_block_stays() {
        for odd in [r#"<input data-key="x">"#, r#" data-key="x""#, r#"<li data-key=""#, "<p>电桩</p>", ""] {
            assert_eq!(without_known(odd, odd), odd);
        }
    }
}
