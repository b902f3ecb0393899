//! Saves a chart as a file of its own: SVG, or PNG by way of a canvas.
//!
//! On the page a chart takes colours, sizes and what is shown from the style sheets. A file stands alone: it is written anew from
//! what the browser has computed, with the chart's name above and its legend below.

use crate::charts::backend::{push_escaped, text_width};
use crate::charts::number::push_int;
use crate::data::push_encoded;
use js_sys::JSON;
use leptos::logging::error;
use leptos::prelude::{document, window};
use leptos::wasm_bindgen::JsCast;
use leptos::wasm_bindgen::closure::Closure;
use leptos::web_sys::{
    CanvasRenderingContext2d, CssStyleDeclaration, Element, Event, HtmlAnchorElement, HtmlCanvasElement,
    HtmlImageElement,
};

/// Around what is drawn, px.
const MARGIN: i32 = 16;
/// Room for the labels of a value axis, px.
const AXIS: i32 = 56;
/// The height of the name, and of a line of the legend, px.
const HEAD: i32 = 40;
const LINE: i32 = 22;
/// Pixels of the PNG in one of the page, both ways.
const SHARP: i32 = 2;
/// What of a shape's style is written: the property, which is also the attribute.
const STYLES: [&str; 7] =
    ["fill", "stroke", "stroke-width", "stroke-dasharray", "stroke-linecap", "stroke-linejoin", "opacity"];

/// Saves the chart whose button was pressed.
pub fn save(event: &Event, as_svg: bool) {
    if saved(event, as_svg).is_none() {
        error!("a chart could not be saved");
    }
}

fn saved(event: &Event, as_svg: bool) -> Option<()> {
    let frame = event.target()?.dyn_into::<Element>().ok()?.closest("[data-file]").ok()??;
    let name = frame.get_attribute("data-file")?;
    let chart = frame.query_selector("svg[role=img]").ok()??;
    let (svg, width, height) = Writer::new()?.write(&frame, &chart)?;
    let mut address = "data:image/svg+xml;charset=utf-8,".to_owned();
    push_encoded(&mut address, &svg);
    if as_svg {
        return give(&address, &(name + ".svg"));
    }
    let image = HtmlImageElement::new().ok()?;
    let drawn = image.clone();
    let loaded = Closure::once_into_js(move || {
        if paint(&drawn, width, height).and_then(|png| give(&png, &(name + ".png"))).is_none() {
            error!("a chart could not be painted");
        }
    });
    image.set_onload(Some(loaded.unchecked_ref()));
    image.set_src(&address);
    Some(())
}

/// The image as PNG, as an address.
fn paint(image: &HtmlImageElement, width: i32, height: i32) -> Option<String> {
    let (canvas, context) = canvas()?;
    canvas.set_width((width * SHARP).unsigned_abs());
    canvas.set_height((height * SHARP).unsigned_abs());
    let (width, height) = (f64::from(width * SHARP), f64::from(height * SHARP));
    context.draw_image_with_html_image_element_and_dw_and_dh(image, 0.0, 0.0, width, height).ok()?;
    canvas.to_data_url().ok()
}

fn canvas() -> Option<(HtmlCanvasElement, CanvasRenderingContext2d)> {
    let canvas: HtmlCanvasElement = document().create_element("canvas").ok()?.dyn_into().ok()?;
    // It is read again and again for its colours.
    let options = JSON::parse(r#"{"willReadFrequently":true}"#).ok()?;
    let context = canvas.get_context_with_context_options("2d", &options).ok()??.dyn_into().ok()?;
    Some((canvas, context))
}

/// Gives the browser a file to save.
fn give(address: &str, name: &str) -> Option<()> {
    let link: HtmlAnchorElement = document().create_element("a").ok()?.dyn_into().ok()?;
    link.set_href(address);
    link.set_download(name);
    link.click();
    Some(())
}

fn style(element: &Element) -> Option<CssStyleDeclaration> {
    window().get_computed_style(element).ok()?
}

fn property(style: &CssStyleDeclaration, name: &str) -> String {
    // Fails for no name that there is.
    style.get_property_value(name).unwrap_or_default()
}

/// Writes a chart that stands alone.
struct Writer {
    out: String,
    /// Where colours are looked up: those of style sheets are of spaces that few programs know.
    colours: CanvasRenderingContext2d,
}

impl Writer {
    fn new() -> Option<Self> {
        Some(Self { out: String::with_capacity(16_384), colours: canvas()?.1 })
    }

    fn attribute(&mut self, name: &str, value: &str) {
        self.out.push(' ');
        self.out.push_str(name);
        self.out.push_str("=\"");
        push_escaped(&mut self.out, value);
        self.out.push('"');
    }

    fn number(&mut self, name: &str, value: i32) {
        let mut text = String::new();
        push_int(&mut text, value);
        self.attribute(name, &text);
    }

    /// A colour as every program knows it; none where there is none.
    fn colour(&self, computed: &str) -> Option<String> {
        if computed == "none" {
            return Some("none".to_owned());
        }
        let context = &self.colours;
        context.clear_rect(0.0, 0.0, 1.0, 1.0);
        context.set_fill_style_str(computed);
        context.fill_rect(0.0, 0.0, 1.0, 1.0);
        let pixel = context.get_image_data(0.0, 0.0, 1.0, 1.0).ok()?.data();
        let mut text = "#".to_owned();
        for part in pixel.iter().take(3) {
            for digit in [part >> 4, part & 15] {
                text.push(char::from_digit(digit.into(), 16)?);
            }
        }
        Some(text)
    }

    /// The whole file, with its width and height in px.
    #[allow(clippy::cast_possible_truncation)] // pixels
    fn write(mut self, frame: &Element, chart: &Element) -> Option<(String, i32, i32)> {
        let place = chart.get_bounding_client_rect();
        let (width, height) = (place.width().ceil() as i32, place.height().ceil() as i32);
        let left = if chart.closest("[data-plot]").ok()?.is_some() { AXIS } else { MARGIN };
        let all = left + width + MARGIN;
        let legend = Self::legend(frame, all)?;
        let lines = legend.last().map_or(0, |entry| entry.1 + 1);
        let whole = HEAD + height + MARGIN + lines * LINE + if lines > 0 { MARGIN / 2 } else { 0 };
        let ink = style(frame)?;
        let surface = style(&frame.closest(".card, dialog").ok()??)?;
        self.out.push_str("<svg xmlns=\"http://www.w3.org/2000/svg\"");
        self.number("width", all);
        self.number("height", whole);
        self.attribute("font-family", &property(&ink, "font-family"));
        self.out.push_str("><rect width=\"100%\" height=\"100%\"");
        let ground = self.colour(&property(&surface, "background-color"))?;
        self.attribute("fill", &ground);
        self.out.push_str("/>");
        let ink = self.colour(&property(&ink, "color"))?;
        self.text((MARGIN, 26), 15, &ink, &chart.get_attribute("aria-label").unwrap_or_default());
        self.out.push_str("<svg overflow=\"visible\"");
        self.number("x", left);
        self.number("y", HEAD);
        self.number("width", width);
        self.number("height", height);
        if let Some(view) = chart.get_attribute("viewBox") {
            self.attribute("viewBox", &view);
        }
        self.out.push('>');
        self.inside(chart)?;
        self.out.push_str("</svg>");
        for (x, line, colour, text) in legend {
            let y = HEAD + height + MARGIN + line * LINE;
            let colour = self.colour(&colour)?;
            self.out.push_str("<rect width=\"12\" height=\"12\" rx=\"3\"");
            self.number("x", x);
            self.number("y", y);
            self.attribute("fill", &colour);
            self.out.push_str("/>");
            self.text((x + 18, y + 10), 12, &ink, &text);
        }
        self.out.push_str("</svg>");
        Some((self.out, all, whole))
    }

    fn text(&mut self, (x, y): (i32, i32), size: i32, colour: &str, text: &str) {
        self.out.push_str("<text");
        self.number("x", x);
        self.number("y", y);
        self.number("font-size", size);
        self.attribute("fill", colour);
        self.out.push('>');
        push_escaped(&mut self.out, text);
        self.out.push_str("</text>");
    }

    /// The legend as it flows in a width: where each entry stands, in which line, its colour, and its text.
    #[allow(clippy::cast_possible_truncation)] // pixels
    fn legend(frame: &Element, width: i32) -> Option<Vec<(i32, i32, String, String)>> {
        // What is switched off is not drawn.
        let found = frame.query_selector_all(".legend li:not(:has([aria-pressed=false]))").ok()?;
        let (mut x, mut line) = (MARGIN, 0);
        let mut entries = Vec::new();
        for entry in (0..found.length()).filter_map(|index| found.item(index)?.dyn_into::<Element>().ok()) {
            let swatch = style(&entry.query_selector(".swatch").ok()??)?;
            let text = entry.text_content().unwrap_or_default();
            let text = text.split_ascii_whitespace().collect::<Vec<_>>().join(" ");
            let needs = text_width(&text).ceil() as i32 + 18 + MARGIN;
            if x > MARGIN && x + needs > width {
                (x, line) = (MARGIN, line + 1);
            }
            entries.push((x, line, property(&swatch, "background-color"), text));
            x += needs;
        }
        Some(entries)
    }

    /// What is inside of an element, as far as it is shown.
    fn inside(&mut self, parent: &Element) -> Option<()> {
        let children = parent.children();
        for child in (0..children.length()).filter_map(|index| children.item(index)) {
            let style = style(&child)?;
            if property(&style, "display") == "none" {
                continue;
            }
            let name = child.tag_name();
            self.out.push('<');
            self.out.push_str(&name);
            for attribute in child.get_attribute_names().into_iter().filter_map(|name| name.as_string()) {
                if attribute != "class" {
                    self.attribute(&attribute, &child.get_attribute(&attribute)?);
                }
            }
            match &*name {
                "svg" => self.attribute("overflow", "visible"),
                "title" => {}
                _ => self.styles(&child, &style)?,
            }
            self.out.push('>');
            if child.child_element_count() > 0 {
                self.inside(&child)?;
            } else {
                push_escaped(&mut self.out, &child.text_content().unwrap_or_default());
            }
            self.out.push_str("</");
            self.out.push_str(&name);
            self.out.push('>');
        }
        Some(())
    }

    /// The style of a shape or a text, as attributes.
    fn styles(&mut self, element: &Element, style: &CssStyleDeclaration) -> Option<()> {
        for name in STYLES.into_iter().filter(|name| !element.has_attribute(name)) {
            let value = property(style, name);
            let value = if name == "fill" || name == "stroke" { self.colour(&value)? } else { value };
            self.attribute(name, &value);
        }
        if element.tag_name() == "text" {
            self.attribute("font-size", &property(style, "font-size"));
            self.attribute("font-weight", &property(style, "font-weight"));
        } else {
            self.attribute("vector-effect", &property(style, "vector-effect"));
        }
        Some(())
    }
}
