//! The shares as bars.

use std::error::Error;

use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};

use crate::Case;

/// Colours that the colour-blind can tell apart (Okabe and Ito), and what each stands for.
const KINDS: [(&str, RGBColor); 3] = [
    ("on the node's disk", RGBColor(0, 114, 178)),
    ("from the tier", RGBColor(0, 158, 115)),
    ("pressed", RGBColor(230, 159, 0)),
];
const WIDTH: i32 = 900;
const BAR: i32 = 26;
const LEFT: i32 = 270;
const LENGTH: i32 = 480;
const TOP: i32 = 90;

/// An SVG picture.
pub(crate) fn draw(cases: &[Case]) -> Result<String, Box<dyn Error>> {
    let mut svg = String::new();
    let height = TOP + (BAR + 12) * i32::try_from(cases.len())? + 20;
    {
        let root = SVGBackend::with_string(&mut svg, (WIDTH.unsigned_abs(), height.unsigned_abs()))
            .into_drawing_area();
        root.fill(&WHITE)?;
        let text = |size: i32| TextStyle::from(("sans-serif", size).into_font()).color(&BLACK);
        root.draw_text("Where requests find their rendition (simulation)", &text(20), (20, 16))?;
        for (at, (name, colour)) in (0..).zip(KINDS) {
            let x = LEFT + at * 170;
            root.draw(&Rectangle::new([(x, 54), (x + 14, 68)], colour.filled()))?;
            root.draw_text(name, &text(14), (x + 20, 54))?;
        }
        for (row, case) in (0..).zip(cases) {
            let y = TOP + row * (BAR + 12);
            let right = text(14).pos(Pos::new(HPos::Right, VPos::Center));
            root.draw_text(&case.name, &right, (LEFT - 10, y + BAR / 2))?;
            let mut from = 0.0;
            let shares = [case.outcome.local, case.outcome.from_tier, case.outcome.pressed];
            for (share, (_, colour)) in shares.into_iter().zip(KINDS) {
                root.draw(&Rectangle::new(
                    [(place(from), y), (place(from + share), y + BAR)],
                    colour.filled(),
                ))?;
                from += share;
            }
            let left = text(14).pos(Pos::new(HPos::Left, VPos::Center));
            root.draw_text(
                &format!("{:.0} cores", case.outcome.cores),
                &left,
                (LEFT + LENGTH + 10, y + BAR / 2),
            )?;
        }
        root.present()?;
    }
    Ok(svg)
}

#[allow(clippy::cast_possible_truncation)] // within the picture
fn place(share: f64) -> i32 {
    LEFT + (share * f64::from(LENGTH)).round() as i32
}
