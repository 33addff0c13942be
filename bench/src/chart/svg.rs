//! Lines over a logarithmic axis, as SVG that is readable in the light and in the dark.
//!
//! Written by hand: a drawing library would bring fonts and bitmaps, and none of them sets
//! colours by the reader's scheme.

use std::fmt::Write as _;

use super::scale::{Scale, label};
use crate::statistics::Spread;

const WIDTH: f64 = 720.0;
const LEFT: f64 = 64.0;
const RIGHT: f64 = 700.0;
const TOP: f64 = 56.0;
const PANEL_HEIGHT: f64 = 200.0;
const PANEL_GAP: f64 = 44.0;
const BOTTOM: f64 = 48.0;

/// Colours that stand out from white and from black, and from each other to most eyes.
const STYLE: &str = "\
text { font: 12px system-ui, sans-serif; fill: #24292f; }
.title { font-size: 14px; font-weight: 600; }
.grid { stroke: #d0d7de; stroke-width: 1; }
.s0 { stroke: #0969da; fill: #0969da; }
.s1 { stroke: #bc4c00; fill: #bc4c00; }
.line { fill: none; stroke-width: 2; }
.whisker { stroke-width: 1.5; }
@media (prefers-color-scheme: dark) {
text { fill: #e6edf3; }
.grid { stroke: #3d444d; }
.s0 { stroke: #58a6ff; fill: #58a6ff; }
.s1 { stroke: #f0883e; fill: #f0883e; }
}
text.s0, text.s1 { stroke: none; font-weight: 600; }
";

/// A drawing.
#[derive(Debug)]
pub struct Drawing {
    /// What was done.
    pub title: &'static str,
    /// What is along the axis that all panels share.
    pub axis: &'static str,
    /// One above the other.
    pub panels: Vec<Panel>,
}

/// One measure.
#[derive(Debug)]
pub struct Panel {
    /// What it is.
    pub title: &'static str,
    /// One line each.
    pub series: Vec<Series>,
}

/// One line.
#[derive(Debug)]
pub struct Series {
    /// Whose.
    pub name: &'static str,
    /// From left to right.
    pub points: Vec<Point>,
}

/// One place that was measured.
#[derive(Debug, Clone, Copy)]
pub struct Point {
    /// Along the axis.
    pub x: f64,
    /// What came of it.
    pub spread: Spread,
}

impl Drawing {
    /// The drawing as a file. Writing to a string cannot fail.
    #[must_use]
    pub fn to_svg(&self) -> String {
        let height =
            TOP + self.panels.len() as f64 * (PANEL_HEIGHT + PANEL_GAP) + BOTTOM - PANEL_GAP;
        let title = self.title;
        let mut svg = format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {height}\" \
             width=\"{WIDTH}\" height=\"{height}\" role=\"img\">\n\
             <title>{title}</title>\n<style>\n{STYLE}</style>\n\
             <text class=\"title\" x=\"{LEFT}\" y=\"22\">{title}</text>\n"
        );
        let points = self.panels.iter().flat_map(|panel| &panel.series).flat_map(|s| &s.points);
        let xs: Vec<f64> = points.map(|point| point.x).collect();
        let Some(bounds) = bounds(xs.iter().copied()) else { return svg + "</svg>\n" };
        let across = Scale::new(bounds, [LEFT + 12.0, RIGHT - 12.0], false);
        for (place, panel) in self.panels.iter().enumerate() {
            let top = TOP + place as f64 * (PANEL_HEIGHT + PANEL_GAP);
            panel.draw(&mut svg, &across, top);
        }
        self.draw_axis(&mut svg, &across, xs, height - BOTTOM);
        svg + "</svg>\n"
    }

    fn draw_axis(&self, svg: &mut String, across: &Scale, mut xs: Vec<f64>, bottom: f64) {
        xs.sort_by(f64::total_cmp);
        xs.dedup();
        for x in xs {
            let (place, text) = (across.place(x), label(x));
            let _ = writeln!(
                svg,
                "<text x=\"{place:.1}\" y=\"{:.1}\" text-anchor=\"middle\">{text}</text>",
                bottom + 18.0
            );
        }
        let _ = writeln!(
            svg,
            "<text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"middle\">{}</text>",
            f64::midpoint(LEFT, RIGHT),
            bottom + 38.0,
            self.axis
        );
    }
}

impl Panel {
    fn draw(&self, svg: &mut String, across: &Scale, top: f64) {
        let values = self.series.iter().flat_map(|series| &series.points);
        let values = values.flat_map(|point| [point.spread.min, point.spread.max]);
        let Some(bounds) = bounds(values) else { return };
        let up = Scale::new(bounds, [top + PANEL_HEIGHT, top], true);
        let _ = writeln!(svg, "<text x=\"{LEFT}\" y=\"{:.1}\">{}</text>", top - 8.0, self.title);
        for decade in up.decades() {
            let (y, text) = (up.place(decade), label(decade));
            let _ = writeln!(
                svg,
                "<line class=\"grid\" x1=\"{LEFT}\" x2=\"{RIGHT}\" y1=\"{y:.1}\" y2=\"{y:.1}\"/>\
                 <text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"end\">{text}</text>",
                LEFT - 8.0,
                y + 4.0
            );
        }
        for (number, series) in self.series.iter().enumerate() {
            series.draw(svg, across, &up, number);
            let x = RIGHT - 12.0 - 56.0 * (self.series.len() - 1 - number) as f64;
            let _ = writeln!(
                svg,
                "<text class=\"s{number}\" x=\"{x:.1}\" y=\"{:.1}\" text-anchor=\"end\">{}</text>",
                top - 8.0,
                series.name
            );
        }
    }
}

impl Series {
    fn draw(&self, svg: &mut String, across: &Scale, up: &Scale, number: usize) {
        let mut line = String::new();
        for Point { x, spread } in &self.points {
            let (x, y) = (across.place(*x), up.place(spread.median));
            let (min, max) = (up.place(spread.min), up.place(spread.max));
            let _ = write!(line, "{x:.1},{y:.1} ");
            let _ = writeln!(
                svg,
                "<line class=\"whisker s{number}\" x1=\"{x:.1}\" x2=\"{x:.1}\" \
                 y1=\"{min:.1}\" y2=\"{max:.1}\"/>\
                 <circle class=\"s{number}\" cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"3\"/>"
            );
        }
        let line = line.trim_end();
        // After the class that fills: a line is not to be filled.
        let _ = writeln!(
            svg,
            "<polyline class=\"s{number} line\" style=\"fill: none\" points=\"{line}\"/>"
        );
    }
}

/// The least and the greatest of some values above 0.
fn bounds(values: impl Iterator<Item = f64>) -> Option<[f64; 2]> {
    let values = values.filter(|value| *value > 0.0);
    let spread = Spread::of(values)?;
    Some([spread.min, spread.max])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn point(x: f64, y: f64) -> Point {
        Point { x, spread: Spread { median: y, min: y / 2.0, max: y * 2.0 } }
    }

    #[test]
    fn a_drawing_has_every_point_line_and_name() {
        let series = |name| Series { name, points: vec![point(1.0, 10.0), point(100.0, 500.0)] };
        let panel = || Panel { title: "beats", series: vec![series("ours"), series("echo")] };
        let drawing = Drawing { title: "what", axis: "streams", panels: vec![panel(), panel()] };
        let svg = drawing.to_svg();
        assert_eq!(svg.matches("<circle").count(), 8);
        assert_eq!(svg.matches("<polyline").count(), 4);
        assert_eq!(svg.matches(">echo</text>").count(), 2);
        assert!(svg.contains("prefers-color-scheme: dark") && svg.ends_with("</svg>\n"));
        assert!(!svg.contains("NaN"), "{svg}");
    }

    #[test]
    fn nothing_measured_is_an_empty_drawing() {
        let svg = Drawing { title: "what", axis: "streams", panels: Vec::new() }.to_svg();
        assert!(svg.ends_with("</svg>\n"));
    }
}
