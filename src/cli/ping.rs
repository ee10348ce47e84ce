//! `creditctl ping`.

use serde_json::json;

use crate::again::Again;
use crate::exit::{Exit, Failure};
use crate::output::{Shown, list};
use crate::time::{instant, instant_or_none};
use crate::tool::Tool;

/// Asks whether the daemon is there, and who it is.
pub(crate) async fn run(tool: &Tool) -> Result<Shown, Failure> {
    let welcome = tool.client.welcome().await?;
    let took = tool.client.ping().await.map_err(|error| Failure::from(error).again(Again::Anew))?;
    let micros = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
    let rows = [
        ("daemon", welcome.server_name.to_string()),
        ("node", welcome.node.to_string()),
        ("epoch", welcome.epoch.to_string()),
        ("durability", welcome.durability.to_string()),
        ("its time", instant_or_none(welcome.server_time_ms)),
        ("in flight", welcome.in_flight_max.to_string()),
        ("round trip", format!("{micros} us")),
    ];
    let json = json!({
        "daemon": welcome.server_name.as_str(),
        "node": welcome.node.to_string(),
        "epoch": welcome.epoch,
        "durability": welcome.durability.name(),
        "server_time": instant(welcome.server_time_ms),
        "in_flight_max": welcome.in_flight_max,
        "round_trip_us": micros,
    });
    Ok(Shown { json, text: list(&rows), exit: Exit::Ok })
}
