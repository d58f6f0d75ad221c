//! What was measured, as a picture: bars by profile, and the scaling by threads.

use std::error::Error;
use std::fs;
use std::path::Path;

use plotters::coord::Shift;
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};

use super::results::{Results, Work};
use super::several;
use crate::cli::report::Failure;

type Area<'a> = DrawingArea<SVGBackend<'a>, Shift>;
type Drawn = Result<(), Box<dyn Error>>;

const SIZE: (u32, u32) = (1_280, 590);
const TITLE: &str = "How fast tonepress presses MP3s";
/// Where the bars end.
const SPLIT: u32 = 820;
const FONT: &str = "sans-serif";
/// Colours that the colour-blind can tell apart (Okabe and Ito): LAME alone, tonepress, other programs.
const COLOURS: [RGBColor; 4] =
    [RGBColor(170, 170, 170), RGBColor(0, 114, 178), RGBColor(230, 159, 0), RGBColor(0, 158, 115)];
const FAINT: RGBColor = RGBColor(225, 225, 225);

/// Draws the results into an SVG file.
pub(super) fn draw(results: &Results, path: &Path) -> Result<(), Failure> {
    let failed =
        |error: &dyn std::fmt::Display| Failure::Other(format!("drawing {}: {error}", path.display()));
    let mut svg = String::new();
    picture(results, &mut svg).map_err(|error| failed(&error))?;
    fs::write(path, with_dark_mode(&svg)).map_err(|error| failed(&error))
}

/// What a reader who prefers dark pages sees, by the colours of those who do not.
const DARK: [(&str, &str); 5] = [
    ("#FFFFFF", "#15181c"),
    ("#000000", "#e6e6e6"),
    ("#5A5A5A", "#a8adb3"),
    ("#E1E1E1", "#33383e"),
    ("#0072B2", "#56b4e9"),
];

/// Gives the picture a title for those who hear it, and other colours for those who prefer dark pages.
fn with_dark_mode(svg: &str) -> String {
    let rules = DARK.map(|(light, dark)| {
        format!("[fill=\"{light}\"]{{fill:{dark}}}[stroke=\"{light}\"]{{stroke:{dark}}}")
    });
    let head = format!(
        "<title>{TITLE}</title><style>@media (prefers-color-scheme:dark){{{}}}</style>",
        rules.concat()
    );
    let begin = svg.find("<svg").and_then(|at| Some(at + svg[at..].find('>')? + 1)).unwrap_or(0);
    format!("{}\n{head}{}", &svg[..begin], &svg[begin..])
}

fn picture(results: &Results, svg: &mut String) -> Drawn {
    let root = SVGBackend::with_string(svg, SIZE).into_drawing_area();
    root.fill(&WHITE)?;
    root.draw(&Text::new(TITLE, (20, 14), (FONT, 22).into_font().color(&BLACK)))?;
    let conditions = format!(
        "tonepress {}, LAME {}, {}, {}; medians of {}",
        results.version,
        results.lame,
        results.cpu,
        several(results.threads, "thread"),
        several(results.runs, "run")
    );
    root.draw(&Text::new(conditions, (20, 568), (FONT, 13).into_font().color(&RGBColor(90, 90, 90))))?;
    let (left, right) = root.margin(46, 30, 10, 10).split_horizontally(SPLIT);
    bars(&left, &results.works)?;
    scaling(&right, &results.works)?;
    root.present()?;
    Ok(())
}

/// A series of bars: what it is called, its colour, and a value for each work.
struct Bars<'a> {
    name: &'a str,
    colour: RGBColor,
    values: Vec<Option<f64>>,
}

/// Real time that one core makes, by work: audio over processor time.
fn series(works: &[Work]) -> Vec<Bars<'_>> {
    let mut names: Vec<&str> = Vec::new();
    for other in works.iter().flat_map(|work| &work.others) {
        if !names.contains(&other.program.as_str()) {
            names.push(&other.program);
        }
    }
    let values = |of: &dyn Fn(&Work) -> Option<f64>| -> Vec<Option<f64>> {
        works.iter().map(|work| of(work).map(|cpu| work.audio_s / cpu)).collect()
    };
    let floor = values(&|work| Some(work.floor?.cpu_s.median));
    let ours = values(&|work| Some(work.ours.first()?.runs.cpu_s.median));
    let mut all = vec![
        Bars { name: "LAME alone", colour: COLOURS[0], values: floor },
        Bars { name: "tonepress", colour: COLOURS[1], values: ours },
    ];
    for (name, colour) in names.into_iter().zip(COLOURS.into_iter().skip(2).cycle()) {
        let of =
            |work: &Work| Some(work.others.iter().find(|other| other.program == name)?.runs.cpu_s.median);
        all.push(Bars { name, colour, values: values(&of) });
    }
    all
}

fn bars(area: &Area, works: &[Work]) -> Drawn {
    let series = series(works);
    let highest = series.iter().flat_map(|bars| bars.values.iter().flatten()).copied().fold(1.0, f64::max);
    let mut chart = ChartBuilder::on(area)
        .caption("One core", (FONT, 18))
        .margin(10)
        .x_label_area_size(50)
        .y_label_area_size(60)
        .build_cartesian_2d(0.0..works.len() as f64, 0.0..highest * 1.2)?;
    chart
        .configure_mesh()
        .disable_x_mesh()
        .x_labels(0)
        .bold_line_style(FAINT)
        .light_line_style(TRANSPARENT)
        .y_label_style((FONT, 13))
        .axis_desc_style((FONT, 14))
        .x_desc("profile")
        .y_desc("times real time")
        .y_label_formatter(&|value| format!("{value:.0}"))
        .draw()?;
    let width = 0.84 / series.len() as f64;
    let centred = |size: i32, y: VPos| (FONT, size).into_font().color(&BLACK).pos(Pos::new(HPos::Center, y));
    for (at, bars) in series.iter().enumerate() {
        let colour = bars.colour;
        let left = |group: usize| group as f64 + 0.08 + at as f64 * width;
        let values = || bars.values.iter().enumerate().filter_map(|(group, value)| Some((group, (*value)?)));
        chart
            .draw_series(values().map(|(group, value)| {
                let corners = [(left(group), 0.0), (left(group) + width * 0.92, value)];
                Rectangle::new(corners, colour.filled())
            }))?
            .label(bars.name)
            .legend(move |(x, y)| Rectangle::new([(x, y - 6), (x + 14, y + 6)], colour.filled()));
        chart.draw_series(values().map(|(group, value)| {
            let top = (left(group) + width * 0.46, value);
            EmptyElement::at(top) + Text::new(format!("{value:.0}"), (0, -3), centred(11, VPos::Bottom))
        }))?;
    }
    chart.draw_series(works.iter().enumerate().map(|(group, work)| {
        let name = work.name.replace(" masters, ", " × ").replace(" profiles", "");
        let name = if work.profiles.len() > 1 { format!("{name} together") } else { name };
        EmptyElement::at((group as f64 + 0.5, 0.0)) + Text::new(name, (0, 10), centred(13, VPos::Top))
    }))?;
    legend(&mut chart)
}

fn scaling(area: &Area, works: &[Work]) -> Drawn {
    let most = works.iter().flat_map(|work| &work.ours).map(|ours| ours.threads).max().unwrap_or(1);
    // Doubling is what counts: both axes are logarithms to base 2.
    let end = (most as f64).log2().max(1.0);
    // Threads that are in each other's way make it slower: that is below 1, and to be seen.
    let speedups =
        works.iter().flat_map(|work| &work.ours).filter_map(|ours| Some(ours.speedup?.median.log2()));
    let lowest = speedups.fold(0.0, f64::min).floor();
    let mut chart = ChartBuilder::on(area)
        .caption("More threads", (FONT, 18))
        .margin(10)
        .x_label_area_size(50)
        .y_label_area_size(60)
        .build_cartesian_2d(0.0..end * 1.04, lowest..end * 1.12)?;
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // a small number of labels
    let labels = |from: f64| (end - from).floor() as usize + 1;
    let power =
        |value: &f64| if value.fract().abs() < 1e-6 { value.exp2().to_string() } else { String::new() };
    chart
        .configure_mesh()
        .x_labels(labels(0.0))
        .y_labels(labels(lowest))
        .bold_line_style(FAINT)
        .light_line_style(TRANSPARENT)
        .label_style((FONT, 13))
        .x_label_formatter(&power)
        .y_label_formatter(&power)
        .axis_desc_style((FONT, 14))
        .x_desc("threads")
        .y_desc("times as fast as one thread")
        .draw()?;
    let ideal = RGBColor(150, 150, 150);
    chart
        .draw_series(DashedLineSeries::new([(0.0, 0.0), (end, end)], 6, 4, ideal.into()))?
        .label("ideal")
        .legend(move |(x, y)| PathElement::new([(x, y), (x + 14, y)], ideal));
    let colours = |at: usize| HSLColor(at as f64 / works.len().max(1) as f64 * 0.8, 0.65, 0.48);
    for (at, work) in works.iter().enumerate() {
        let points: Vec<(f64, f64)> = work
            .ours
            .iter()
            .filter_map(|ours| Some(((ours.threads as f64).log2(), ours.speedup?.median.log2())))
            .collect();
        let most = work.ours.last().and_then(|ours| ours.speedup.zip(ours.efficiency_percent));
        let Some((speedup, percent)) = most.filter(|_| points.len() > 1) else { continue };
        let colour = colours(at);
        chart
            .draw_series(LineSeries::new(points.clone(), colour.stroke_width(2)))?
            .label(format!("{}: {:.2}, {percent:.0} %", work.name, speedup.median))
            .legend(move |(x, y)| PathElement::new([(x, y), (x + 14, y)], colour.stroke_width(2)));
        chart.draw_series(points.iter().map(|point| Circle::new(*point, 3, colour.filled())))?;
    }
    legend(&mut chart)
}

fn legend<'a, 'b, X, Y>(chart: &mut ChartContext<'a, SVGBackend<'b>, Cartesian2d<X, Y>>) -> Drawn
where
    X: Ranged<ValueType = f64>,
    Y: Ranged<ValueType = f64>,
    'b: 'a,
{
    chart
        .configure_series_labels()
        .position(SeriesLabelPosition::UpperLeft)
        .margin(8)
        .legend_area_size(22)
        .label_font((FONT, 13))
        .background_style(WHITE.mix(0.85))
        .draw()?;
    Ok(())
}
