//! What the engine does, in the text format of Prometheus.

use std::fmt::Write as _;
use std::sync::Arc;

use axum::extract::State;
use axum::http::header;
use axum::response::IntoResponse;
use tonepress::engine::Quantiles;

use crate::Store;

pub(crate) async fn metrics(State(store): State<Arc<Store>>) -> impl IntoResponse {
    let stats = store.engine.stats();
    let mut text = String::new();
    for (name, kind, help, value) in [
        ("hits_total", "counter", "Requests that the store had the rendition of", stats.hits),
        ("joins_total", "counter", "Requests that joined a rendition being pressed", stats.joins),
        ("misses_total", "counter", "Requests that had to be pressed for", stats.misses),
        ("refused_total", "counter", "Requests refused because there was too much to do", stats.refused),
        ("finished_total", "counter", "Renditions completed", stats.finished),
        ("failed_total", "counter", "Renditions that failed", stats.failed),
        ("cancelled_total", "counter", "Renditions that nobody wanted any more", stats.cancelled),
        ("segments_total", "counter", "Segments pressed", stats.segments),
        ("pressed_bytes_total", "counter", "Bytes pressed", stats.bytes),
        ("decoded_steps_total", "counter", "Steps of masters decoded", stats.steps_decoded),
        ("shared_steps_total", "counter", "Steps that renditions shared", stats.steps_shared),
        ("pcm_bytes", "gauge", "Decoded audio held", stats.pcm_bytes),
        ("queue", "gauge", "Renditions being pressed or waiting for it", stats.queue as u64),
    ] {
        // Writing to a string cannot fail.
        let _ = writeln!(
            text,
            "# HELP tonepress_{name} {help}.\n# TYPE tonepress_{name} {kind}\ntonepress_{name} {value}"
        );
    }
    let help = "Audio that nobody has begun to press";
    let _ = writeln!(
        text,
        "# HELP tonepress_backlog_seconds {help}.\n# TYPE tonepress_backlog_seconds gauge\ntonepress_backlog_seconds {}",
        stats.backlog_s
    );
    let first_byte = "From a request to the first byte of audio";
    summary(&mut text, "first_byte_seconds", first_byte, &stats.first_byte_us, 1e-6);
    let speed = "How fast segments are pressed, times real time on one core";
    summary(&mut text, "segment_realtime_x", speed, &stats.speed_x100, 1e-2);
    ([(header::CONTENT_TYPE, "text/plain; version=0.0.4")], text)
}

fn summary(text: &mut String, name: &str, help: &str, of: &Quantiles, unit: f64) {
    let count = of.count;
    let (p50, p99, sum) = (of.p50 as f64 * unit, of.p99 as f64 * unit, of.mean * count as f64 * unit);
    let _ = writeln!(
        text,
        "# HELP tonepress_{name} {help}.\n# TYPE tonepress_{name} summary\n\
         tonepress_{name}{{quantile=\"0.5\"}} {p50}\ntonepress_{name}{{quantile=\"0.99\"}} {p99}\n\
         tonepress_{name}_sum {sum}\ntonepress_{name}_count {count}"
    );
}
