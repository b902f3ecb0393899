//! Where plotters draws to: an SVG that stretches with its container while its text keeps its size.
//!
//! The width of the drawing counts ten-thousandths of the container's width, the height tenths of a pixel. Shapes go
//! into an inner `<svg preserveAspectRatio="none">` of these units, lines keep their width
//! (`vector-effect: non-scaling-stroke`), and texts are placed at percentages outside of it. So one drawing fits
//! every screen: nothing is drawn anew when a window changes, and the server need not know its width. Labels that
//! would collide on a narrow screen have a class that hides them there (see [`Ink`]).
//!
//! It writes SVG itself instead of through plotters' own backend: that one formats each attribute into a string of
//! its own and knows colours only as RGB, which would have to be found and replaced afterwards. Here a colour's RGB is
//! an index of [`Ink`] from the beginning, neighbours of one colour share a path, and a chart takes microseconds.

use super::number::{push_hundredths, push_int};
use plotters::coord::Shift;
use plotters::drawing::{DrawingArea, IntoDrawingArea};
use plotters::style::text_anchor::{HPos, Pos, VPos};
use plotters::style::{FontFamily, IntoFont, RGBColor, ShapeStyle, TextStyle};
use plotters_backend::{BackendColor, BackendCoord, BackendStyle, BackendTextStyle, DrawingBackend, DrawingErrorKind};
use std::convert::Infallible;

/// The width of every drawing, in units of the drawing.
pub const WIDTH: u32 = 10_000;
/// Units of the drawing in a pixel of height.
pub const UNITS_PER_PX: i32 = 10;
/// Colours for series before they repeat.
pub const SERIES_COLOURS: usize = 20;
/// The size of text, px; `style/` says the same.
pub const TEXT_PX: f64 = 12.0;

/// What is drawn, and thereby its class.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ink {
    /// A series of bars; colours repeat, paler, after [`SERIES_COLOURS`].
    Series(usize),
    /// A grid line.
    Grid,
    /// The line that bars stand on.
    Axis,
    /// A measured curve.
    Curve,
    /// The area under it.
    Area,
    /// A limit.
    Limit,
    /// A label of the value axis.
    ValueLabel,
    /// A label of the other axis that always shows.
    Label,
    /// One that shows from a medium width on.
    LabelMedium,
    /// One that shows on a wide screen only.
    LabelWide,
}

const SERIES_CLASSES: [&str; 2 * SERIES_COLOURS] = [
    "c0", "c1", "c2", "c3", "c4", "c5", "c6", "c7", "c8", "c9", "c10", "c11", "c12", "c13", "c14", "c15", "c16", "c17",
    "c18", "c19", "c0 pale", "c1 pale", "c2 pale", "c3 pale", "c4 pale", "c5 pale", "c6 pale", "c7 pale", "c8 pale",
    "c9 pale", "c10 pale", "c11 pale", "c12 pale", "c13 pale", "c14 pale", "c15 pale", "c16 pale", "c17 pale",
    "c18 pale", "c19 pale",
];

const OTHERS: [(Ink, &str); 9] = [
    (Ink::Grid, "grid"),
    (Ink::Axis, "axis"),
    (Ink::Curve, "curve"),
    (Ink::Area, "area"),
    (Ink::Limit, "limit"),
    (Ink::ValueLabel, "y"),
    (Ink::Label, "x"),
    (Ink::LabelMedium, "x m"),
    (Ink::LabelWide, "x w"),
];

/// The class of a series' colour, also for legends.
pub const fn series_class(index: usize) -> &'static str {
    SERIES_CLASSES[index % SERIES_CLASSES.len()]
}

impl Ink {
    /// The colour that stands for it while plotters has it in hand.
    #[allow(clippy::cast_possible_truncation)] // both fit
    fn rgb(self) -> RGBColor {
        match self {
            Self::Series(index) => RGBColor(0, 0, (index % SERIES_CLASSES.len()) as u8),
            other => {
                let index = OTHERS.iter().position(|(ink, _)| *ink == other).unwrap_or(0);
                RGBColor(0, 1, index as u8)
            }
        }
    }

    /// As a filled shape.
    pub fn fill(self) -> ShapeStyle {
        ShapeStyle { color: self.rgb().into(), filled: true, stroke_width: 0 }
    }

    /// As a line.
    pub fn stroke(self) -> ShapeStyle {
        ShapeStyle { color: self.rgb().into(), filled: false, stroke_width: 1 }
    }

    /// As text, placed by the middle of its height.
    pub fn text(self, anchor: HPos) -> TextStyle<'static> {
        TextStyle {
            font: (FontFamily::SansSerif, TEXT_PX).into_font(),
            color: BackendColor {
                alpha: 1.0,
                rgb: {
                    let RGBColor(r, g, b) = self.rgb();
                    (r, g, b)
                },
            },
            pos: Pos::new(anchor, VPos::Center),
        }
    }
}

fn class(color: BackendColor) -> &'static str {
    match color.rgb {
        (0, 0, index) => series_class(usize::from(index)),
        (_, _, index) => OTHERS.get(usize::from(index)).map_or("", |(_, class)| class),
    }
}

/// The width of a text in px at [`TEXT_PX`], for every font near enough.
///
/// A table and not the font: the server has none, and asking the browser forces a layout for each label.
pub fn text_width(text: &str) -> f64 {
    let em = |char: char| match char {
        'i' | 'j' | 'l' | 'I' | '.' | ',' | ':' | ';' | '\'' | '|' | '!' | ' ' | '\u{202f}' => 0.29,
        'f' | 'r' | 't' | '-' | '(' | ')' | '/' => 0.38,
        'm' | 'w' | 'M' | 'W' | '%' | '@' => 0.92,
        '0'..='9' | 'a'..='z' => 0.56,
        char if char >= '\u{2e80}' => 1.0,
        _ => 0.68,
    };
    text.chars().map(em).sum::<f64>() * TEXT_PX
}

/// Text in markup, also inside an attribute. What XML cannot hold is left out.
pub fn push_escaped(out: &mut String, text: &str) {
    for char in text.chars() {
        match char {
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '&' => out.push_str("&amp;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            '\u{0}'..='\u{8}' | '\u{b}' | '\u{c}' | '\u{e}'..='\u{1f}' | '\u{fffe}' | '\u{ffff}' => {}
            other => out.push(other),
        }
    }
}

/// What has been drawn so far.
#[derive(Debug, Default)]
pub struct Sheet {
    shapes: String,
    texts: String,
    /// The class and kind of the path that is open at the end of `shapes`.
    open: Option<(&'static str, bool)>,
}

impl Sheet {
    /// Appends to the open path when it is of this kind, else begins one.
    fn path(&mut self, class: &'static str, filled: bool) -> &mut String {
        if self.open != Some((class, filled)) {
            self.close();
            self.shapes.push_str("<path class=\"");
            self.shapes.push_str(class);
            self.shapes.push_str(if filled { " f" } else { " s" });
            self.shapes.push_str("\" d=\"");
            self.open = Some((class, filled));
        }
        &mut self.shapes
    }

    fn close(&mut self) {
        if self.open.take().is_some() {
            self.shapes.push_str("\"/>");
        }
    }

    /// The finished chart, `height` px high and as wide as its container. Screen readers get `label`.
    pub fn finish(mut self, height: i32, class: &str, label: &str) -> String {
        self.close();
        let mut out = String::with_capacity(self.shapes.len() + self.texts.len() + label.len() + 256);
        out.push_str("<svg class=\"chart ");
        out.push_str(class);
        out.push_str("\" width=\"100%\" height=\"");
        push_int(&mut out, height);
        out.push_str("\" role=\"img\" aria-label=\"");
        push_escaped(&mut out, label);
        out.push_str("\"><svg width=\"100%\" height=\"100%\" preserveAspectRatio=\"none\" viewBox=\"0 0 ");
        push_int(&mut out, 10_000);
        out.push(' ');
        push_int(&mut out, height * UNITS_PER_PX);
        out.push_str("\">");
        out.push_str(&self.shapes);
        out.push_str("</svg>");
        out.push_str(&self.texts);
        out.push_str("</svg>");
        out
    }
}

/// The backend: draws onto a [`Sheet`].
#[derive(Debug)]
pub struct Canvas<'a> {
    sheet: &'a mut Sheet,
    height: i32,
}

impl<'a> Canvas<'a> {
    /// An area `height` px high to draw in.
    pub fn area(sheet: &'a mut Sheet, height: i32) -> DrawingArea<Self, Shift> {
        Self { sheet, height }.into_drawing_area()
    }
}

type Drawn = Result<(), DrawingErrorKind<Infallible>>;

fn push_point(out: &mut String, command: char, (x, y): BackendCoord) {
    out.push(command);
    push_int(out, x);
    out.push(' ');
    push_int(out, y);
}

impl DrawingBackend for Canvas<'_> {
    type ErrorType = Infallible;

    fn get_size(&self) -> (u32, u32) {
        (WIDTH, (self.height * UNITS_PER_PX).unsigned_abs())
    }

    fn ensure_prepared(&mut self) -> Drawn {
        Ok(())
    }

    fn present(&mut self) -> Drawn {
        Ok(())
    }

    fn draw_pixel(&mut self, at: BackendCoord, color: BackendColor) -> Drawn {
        self.draw_rect(at, (at.0 + 1, at.1 + 1), &color, true)
    }

    fn draw_line<S: BackendStyle>(&mut self, from: BackendCoord, to: BackendCoord, style: &S) -> Drawn {
        let out = self.sheet.path(class(style.color()), false);
        push_point(out, 'M', from);
        push_point(out, 'L', to);
        Ok(())
    }

    fn draw_rect<S: BackendStyle>(&mut self, a: BackendCoord, b: BackendCoord, style: &S, fill: bool) -> Drawn {
        let (width, height) = ((b.0 - a.0).abs(), (b.1 - a.1).abs());
        let out = self.sheet.path(class(style.color()), fill);
        push_point(out, 'M', (a.0.min(b.0), a.1.min(b.1)));
        out.push('h');
        push_int(out, width);
        out.push('v');
        push_int(out, height);
        out.push('h');
        push_int(out, -width);
        out.push('z');
        Ok(())
    }

    fn draw_path<S: BackendStyle, I: IntoIterator<Item = BackendCoord>>(&mut self, path: I, style: &S) -> Drawn {
        let out = self.sheet.path(class(style.color()), false);
        let mut command = 'M';
        for point in path {
            push_point(out, command, point);
            command = 'L';
        }
        Ok(())
    }

    fn fill_polygon<S: BackendStyle, I: IntoIterator<Item = BackendCoord>>(&mut self, path: I, style: &S) -> Drawn {
        let out = self.sheet.path(class(style.color()), true);
        let mut command = 'M';
        for point in path {
            push_point(out, command, point);
            command = 'L';
        }
        if command == 'L' {
            out.push('z');
        }
        Ok(())
    }

    fn draw_circle<S: BackendStyle>(&mut self, _: BackendCoord, _: u32, _: &S, _: bool) -> Drawn {
        // A circle would come out stretched; no chart here draws one.
        Ok(())
    }

    fn draw_text<S: BackendTextStyle>(&mut self, text: &str, style: &S, (x, y): BackendCoord) -> Drawn {
        let out = &mut self.sheet.texts;
        out.push_str("<text class=\"");
        out.push_str(class(style.color()));
        out.push_str("\" x=\"");
        push_hundredths(out, x);
        out.push_str("%\" y=\"");
        push_int(out, y.div_euclid(UNITS_PER_PX));
        // Shifts in px, which no percentage can say.
        out.push_str(match style.anchor().h_pos {
            HPos::Left => "\" dy=\".35em\">",
            HPos::Center => "\" dy=\".35em\" text-anchor=\"middle\">",
            HPos::Right => "\" dx=\"-8\" dy=\".35em\" text-anchor=\"end\">",
        });
        push_escaped(out, text);
        out.push_str("</text>");
        Ok(())
    }

    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // labels are short
    fn estimate_text_size<S: BackendTextStyle>(
        &self,
        text: &str,
        _: &S,
    ) -> Result<(u32, u32), DrawingErrorKind<Infallible>> {
        Ok((text_width(text).ceil() as u32, TEXT_PX.ceil() as u32))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_escaped() {
        let mut sheet = Sheet::default();
        let area = Canvas::area(&mut sheet, 20);
        area.draw_text("<b a=\"1\">&'\u{1}", &Ink::Label.text(HPos::Left), (0, 0)).unwrap();
        drop(area);
        let svg = sheet.finish(20, "", "\"><script>");
        assert!(svg.contains("&lt;b a=&quot;1&quot;&gt;&amp;&#39;</text>"), "{svg}");
        assert!(svg.contains("aria-label=\"&quot;&gt;&lt;script&gt;\""), "{svg}");
    }

    #[test]
    fn every_ink_keeps_its_class() {
        for (ink, expected) in OTHERS {
            let RGBColor(r, g, b) = ink.rgb();
            assert_eq!(class(BackendColor { alpha: 1.0, rgb: (r, g, b) }), expected);
        }
        assert_eq!(series_class(SERIES_COLOURS), "c0 pale");
        assert_eq!(series_class(2 * SERIES_COLOURS + 3), "c3");
    }

    #[test]
    fn wide_letters_are_wider() {
        assert!(text_width("iii") < text_width("aaa"));
        assert!(text_width("aaa") < text_width("mmm"));
        assert!(text_width("充电量") > text_width("aaa"));
    }
}
