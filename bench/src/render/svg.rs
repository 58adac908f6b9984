//! A picture in SVG that stands by itself: no fonts, scripts or styles from elsewhere, and colours
//! for light and for dark surroundings.

use std::fmt::Write;

/// The width of all pictures: that of a page on GitHub.
pub(super) const WIDTH: f64 = 840.0;

/// The colour of our line.
pub(super) const OURS: &str = "ours";

/// Colours of lines but ours, after each other.
pub(super) const COLOUR_COUNT: usize = 8;

const STYLE: &str = "
text { font: 13px -apple-system, 'Segoe UI', 'Noto Sans', Helvetica, Arial, sans-serif;
  fill: var(--text); stroke: var(--back); stroke-width: 4px; stroke-linejoin: round;
  paint-order: stroke; }
.title { font-size: 16px; font-weight: 600; }
.note { font-size: 12px; fill: var(--muted); }
.ours-text { font-weight: 600; }
.back { fill: var(--back); stroke: var(--grid); }
.grid { stroke: var(--grid); }
.bar { fill: var(--bar); }
.ours { fill: var(--ours); }
.spread { stroke: var(--text); stroke-width: 1.25; fill: none; }
.line { fill: none; stroke-width: 2; }
.ours-line { fill: none; stroke-width: 3.5; }
svg { --back: #ffffff; --text: #1f2328; --muted: #59636e; --grid: #d1d9e0; --bar: #b6bfc9;
  --ours: #2f81f7; --0: #bc4c00; --1: #8250df; --2: #1a7f37; --3: #bf3989; --4: #9a6700;
  --5: #6e7781; --6: #0b8a94; --7: #cf222e; }
@media (prefers-color-scheme: dark) {
  svg { --back: #0d1117; --text: #f0f6fc; --muted: #9198a1; --grid: #30363d; --bar: #545d68;
    --ours: #4493f8; --0: #f0883e; --1: #a371f7; --2: #3fb950; --3: #f778ba; --4: #d29922;
    --5: #9198a1; --6: #39c5cf; --7: #ff7b72; }
}
";

/// A picture that is being drawn, from the top down.
pub(super) struct Svg {
    body: String,
}

impl Svg {
    /// One with a title, and two lines below it.
    pub(super) fn new(title: &str, notes: [&str; 2]) -> Self {
        let mut svg = Self { body: String::new() };
        svg.text(20.0, 32.0, "title", "start", title);
        svg.text(20.0, 53.0, "note", "start", notes[0]);
        svg.text(20.0, 71.0, "note", "start", notes[1]);
        svg
    }

    pub(super) fn text(&mut self, x: f64, y: f64, class: &str, anchor: &str, text: &str) {
        let text = escape(text);
        self.push(format!(
            r#"<text x="{x:.1}" y="{y:.1}" class="{class}" text-anchor="{anchor}">{text}</text>"#
        ));
    }

    /// A label in the colour of its line.
    pub(super) fn label(&mut self, x: f64, y: f64, colour: &str, class: &str, text: &str) {
        let (text, style) = (escape(text), format!("fill: var(--{colour})"));
        self.push(format!(
            r#"<text x="{x:.1}" y="{y:.1}" class="{class}" style="{style}">{text}</text>"#
        ));
    }

    pub(super) fn bar(&mut self, x: f64, y: f64, width: f64, height: f64, class: &str) {
        let size = format!(r#"width="{width:.1}" height="{height:.1}" rx="2""#);
        self.push(format!(r#"<rect x="{x:.1}" y="{y:.1}" {size} class="{class}"/>"#));
    }

    pub(super) fn line(&mut self, from: (f64, f64), to: (f64, f64), class: &str) {
        let ((x1, y1), (x2, y2)) = (from, to);
        self.push(format!(
            r#"<line x1="{x1:.1}" y1="{y1:.1}" x2="{x2:.1}" y2="{y2:.1}" class="{class}"/>"#
        ));
    }

    /// A line through points, which are marked; with the spread of each, up and down.
    pub(super) fn points(&mut self, colour: &str, points: &[(f64, f64)], spreads: &[(f64, f64)]) {
        let class = if colour == OURS { "ours-line" } else { "line" };
        let stroke = format!("stroke: var(--{colour})");
        let places: Vec<String> = points.iter().map(|(x, y)| format!("{x:.1},{y:.1}")).collect();
        let places = places.join(" ");
        self.push(format!(r#"<polyline points="{places}" class="{class}" style="{stroke}"/>"#));
        for ((x, y), (least, most)) in points.iter().zip(spreads) {
            let path = format!(
                "M{:.1},{least:.1}h6m-3,0V{most:.1}m-3,0h6",
                x - 3.0, // The ends are 6 wide.
            );
            self.push(format!(r#"<path d="{path}" class="spread" style="{stroke}"/>"#));
            let fill = format!("fill: var(--{colour})");
            self.push(format!(r#"<circle cx="{x:.1}" cy="{y:.1}" r="3.5" style="{fill}"/>"#));
        }
    }

    /// The whole picture, so high.
    pub(super) fn finish(self, height: f64, description: &str) -> String {
        let (body, description) = (self.body, escape(description));
        let (back_width, back_height) = (WIDTH - 1.0, height - 1.0);
        format!(
            r#"<svg xmlns="http://www.w3.org/2000/svg" role="img" aria-label="{description}"
  viewBox="0 0 {WIDTH} {height}" width="{WIDTH}" height="{height}">
<style>{STYLE}</style>
<rect x="0.5" y="0.5" width="{back_width}" height="{back_height}" rx="6" class="back"/>
{body}</svg>
"#
        )
    }

    fn push(&mut self, element: String) {
        // Cannot fail, because it writes to a string.
        let _ = writeln!(self.body, "{element}");
    }
}

/// How wide a text is, about: nobody knows which font it will have.
pub(super) fn text_width(text: &str) -> f64 {
    text.chars().count() as f64 * 7.1
}

/// A text between tags or quotes.
pub(super) fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}
