//! Measured lines: as a plot in SVG, and as a table in Markdown.

use std::error::Error;
use std::fmt::Write;

use headcount_peers::grouped;
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};

/// How something should grow.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Expected {
    Flat,
    /// More series than a cache holds cost what reading memory costs, in any library.
    FlatButForCaches,
    Linear,
    /// More than a cache holds, of the kernel's as well, costs what reading memory costs.
    LinearButForCaches,
    /// It is there for scale.
    Nothing,
}

impl Expected {
    fn says(self) -> &'static str {
        match self {
            Self::Flat => "flat",
            Self::FlatButForCaches => "flat but for caches",
            Self::Linear => "linear",
            Self::LinearButForCaches => "linear but for caches",
            Self::Nothing => "",
        }
    }

    /// The greatest exponent that it may grow with: 0 is flat, 1 is linear. Between two measured
    /// points there is noise.
    fn most(self) -> f64 {
        match self {
            Self::Flat => 0.1,
            Self::FlatButForCaches => 0.4,
            Self::Linear => 1.15,
            Self::LinearButForCaches => 1.3,
            Self::Nothing => f64::INFINITY,
        }
    }
}

pub struct Line {
    name: &'static str,
    expected: Expected,
    points: Vec<(u32, f64)>,
}

impl Line {
    pub fn new(name: &'static str, expected: Expected) -> Self {
        Self { name, expected, points: Vec::new() }
    }

    pub fn point(&mut self, x: u32, y: f64) {
        self.points.push((x, y));
    }

    /// The exponent with which it grows: from its first point to its last where it should be flat;
    /// else over its last decade, since what any scrape costs hides the growth of the small ones.
    fn exponent(&self) -> Option<f64> {
        let (last_x, last_y) = *self.points.last()?;
        let is_flat = matches!(self.expected, Expected::Flat | Expected::FlatButForCaches);
        let from = self.points.iter().find(|(x, _)| is_flat || x * 10 >= last_x)?;
        let (x, y) = (f64::from(last_x) / f64::from(from.0), last_y / from.1);
        (x > 1.0).then(|| y.log10() / x.log10())
    }

    fn verdict(&self) -> String {
        let Some(exponent) = self.exponent() else { return String::new() };
        let is_met = exponent <= self.expected.most();
        match self.expected {
            Expected::Nothing => format!("{exponent:.2}"),
            _ => format!("{exponent:.2}: {}", if is_met { "met" } else { "not met" }),
        }
    }
}

pub struct Plot {
    pub file: &'static str,
    pub title: &'static str,
    pub x: &'static str,
    pub y: &'static str,
    pub lines: Vec<Line>,
    /// Columns that are in the table only.
    pub further: Vec<(&'static str, Vec<String>)>,
}

/// Stands for the colour of the page's text, which is another by night. No line has it.
const TEXT: RGBColor = RGBColor(1, 2, 3);
const TEXT_IN_SVG: &str = "#010203";
/// To be told apart by everyone, on white and on black.
const COLOURS: [RGBColor; 5] = [
    RGBColor(0, 130, 200),
    RGBColor(213, 94, 0),
    RGBColor(0, 158, 115),
    RGBColor(190, 110, 160),
    RGBColor(140, 120, 20),
];
const STYLE: &str =
    "<style>svg{color:#1f2328}@media(prefers-color-scheme:dark){svg{color:#e6edf3}}</style>";

impl Plot {
    /// Both axes logarithmic: what is flat is level, what is linear climbs one decade with each.
    pub fn svg(&self) -> Result<String, Box<dyn Error>> {
        let mut svg = String::new();
        self.draw(&mut svg)?;
        let head = svg.find('>').ok_or("it begins with a tag")? + 1;
        svg.insert_str(head, STYLE);
        Ok(svg.replace(TEXT_IN_SVG, "currentColor"))
    }

    fn draw(&self, svg: &mut String) -> Result<(), Box<dyn Error>> {
        let all = || self.lines.iter().flat_map(|line| &line.points);
        let (left, right) = all().fold((u32::MAX, 0), |(l, r), (x, _)| (l.min(*x), r.max(*x)));
        let (low, high) = all().fold((f64::MAX, 0.0_f64), |(l, h), (_, y)| (l.min(*y), h.max(*y)));
        let area = SVGBackend::with_string(svg, (720, 420)).into_drawing_area();
        let text = |size: u32| ("sans-serif", size).into_font().color(&TEXT);
        let mut chart = ChartBuilder::on(&area)
            .caption(self.title, text(17))
            .margin(12)
            .x_label_area_size(44)
            .y_label_area_size(64)
            .build_cartesian_2d(
                (f64::from(left) / 1.1..f64::from(right) * 1.1).log_scale(),
                (low / 2.0..high * 3.0).log_scale(),
            )?;
        chart
            .configure_mesh()
            .max_light_lines(1)
            .axis_style(TEXT)
            .bold_line_style(TEXT.mix(0.18))
            .light_line_style(TEXT.mix(0.06))
            .label_style(text(13))
            .axis_desc_style(text(14))
            .x_desc(self.x)
            .y_desc(self.y)
            .x_label_formatter(&|x| number(*x))
            .y_label_formatter(&|y| number(*y))
            .draw()?;
        for (line, colour) in self.lines.iter().zip(COLOURS) {
            let points = || line.points.iter().map(|(x, y)| (f64::from(*x), *y));
            chart
                .draw_series(LineSeries::new(points(), colour.stroke_width(2)))?
                .label(line.legend())
                .legend(move |(x, y)| {
                    PathElement::new([(x, y), (x + 18, y)], colour.stroke_width(2))
                });
            chart.draw_series(points().map(|at| Circle::new(at, 3, colour.filled())))?;
        }
        chart
            .configure_series_labels()
            .position(SeriesLabelPosition::UpperLeft)
            .label_font(text(13).pos(Pos::new(HPos::Left, VPos::Center)))
            .legend_area_size(26)
            .draw()?;
        area.present()?;
        Ok(())
    }

    pub fn markdown(&self) -> String {
        let mut out =
            format!("### {}\n\n![{}](growth/{}.svg)\n\n", self.title, self.title, self.file);
        let names = self.lines.iter().map(|line| format!("{}, {}", line.name, self.unit()));
        let further = self.further.iter().map(|(name, _)| (*name).to_owned());
        let head: Vec<String> =
            [self.x.to_owned()].into_iter().chain(names).chain(further).collect();
        row(&mut out, &head);
        row(&mut out, &vec!["---:".to_owned(); head.len()]);
        let xs = self.lines.first().map_or(&[][..], |line| &line.points);
        for (at, (x, _)) in xs.iter().enumerate() {
            let ys = self.lines.iter().map(|line| figure(line.points[at].1));
            let further = self.further.iter().map(|(_, of)| of[at].clone());
            let cells: Vec<_> =
                [grouped((*x).into())].into_iter().chain(ys).chain(further).collect();
            row(&mut out, &cells);
        }
        for (name, cell) in [
            ("expected", (|line| line.expected.says().to_owned()) as fn(&Line) -> String),
            ("exponent", Line::verdict),
        ] {
            let cells = self.lines.iter().map(cell);
            let empty = self.further.iter().map(|_| String::new());
            let cells: Vec<_> = [name.to_owned()].into_iter().chain(cells).chain(empty).collect();
            row(&mut out, &cells);
        }
        out
    }

    /// Of the axis, without what it is of.
    fn unit(&self) -> &'static str {
        self.y.split(' ').next().unwrap_or(self.y)
    }
}

impl Line {
    fn legend(&self) -> String {
        let name = self.name.replace('`', "");
        match self.expected {
            Expected::Nothing => name,
            expected => format!("{name} (expected: {})", expected.says()),
        }
    }
}

fn row(out: &mut String, cells: &[String]) {
    // A string takes everything.
    let _ = writeln!(out, "| {} |", cells.join(" | "));
}

/// As people write it on an axis.
fn number(value: f64) -> String {
    if value >= 1.0 { grouped(rounded(value)) } else { format!("{value}") }
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "some millions at most, and not below 1"
)]
fn rounded(value: f64) -> u64 {
    value.round() as u64
}

fn figure(value: f64) -> String {
    match value {
        _ if value < 1.0 => format!("{value:.3}"),
        _ if value < 10.0 => format!("{value:.2}"),
        _ if value < 100.0 => format!("{value:.1}"),
        _ => grouped(rounded(value)),
    }
}
