//! What a failed run leaves: a few lines for people, the whole history as lines of JSON that can
//! be checked again, and a timeline for the eye.
//!
//! Must not know: the checker's ways.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use anyhow::Context;
use prost_reflect::{DescriptorPool, DynamicMessage};

use super::Broken;
use super::lines;
use super::record::{Call, Told};
use super::search::{Evidence, Verdict};

/// How many calls of the longest order are told.
const PREFIX_SHOWN: usize = 6;
/// How many calls are told of which none can come next.
const STUCK_SHOWN: usize = 8;
/// The pixels that an instant of the order takes in the timeline.
const PIXELS: u64 = 14;

/// Writes down what stands against a history, and tells it in a few lines.
///
/// # Errors
/// If the files cannot be written.
pub fn leave(broken: &Broken, seed: u64, folder: &Path) -> anyhow::Result<String> {
    let name = format!("history-{seed}-{}", broken.workspace.replace('/', "-"));
    let history = folder.join(format!("{name}.jsonl"));
    let timeline = folder.join(format!("{name}.html"));
    write(&history, &lines::written(&broken.calls)?)?;
    write(&timeline, &drawn(broken)?)?;
    let mut told = told(broken, seed)?;
    write!(
        told,
        "the whole history: {}\nas a timeline: {}\ncheck it again: cargo run --release -p \
         tenure-reliability -- history --again {}\n",
        history.display(),
        timeline.display(),
        history.display(),
    )?;
    Ok(told)
}

fn write(path: &PathBuf, text: &str) -> anyhow::Result<()> {
    std::fs::write(path, text).with_context(|| format!("cannot write {}", path.display()))
}

/// The evidence in a few lines.
///
/// # Errors
/// If an answer is malformed.
pub fn told(broken: &Broken, seed: u64) -> anyhow::Result<String> {
    let (what, evidence) = judged(&broken.verdict);
    let Evidence { prefix, stuck, steps } = evidence;
    let mut told = format!(
        "seed {seed}, workspace {}: {what}\n{} of {} calls can be put in order, {steps} steps \
         were tried. The order ends with:\n",
        broken.workspace,
        prefix.len(),
        broken.calls.len(),
    );
    for at in prefix.iter().skip(prefix.len().saturating_sub(PREFIX_SHOWN)) {
        writeln!(told, "  {}", line(*at, &broken.calls[*at])?)?;
    }
    told.push_str("None of these can come next:\n");
    for at in stuck.iter().take(STUCK_SHOWN) {
        writeln!(told, "  {}", line(*at, &broken.calls[*at])?)?;
    }
    if stuck.len() > STUCK_SHOWN {
        writeln!(told, "  and {} more", stuck.len() - STUCK_SHOWN)?;
    }
    Ok(told)
}

fn judged(verdict: &Verdict) -> (&'static str, Evidence) {
    match verdict {
        Verdict::Linearizable(_) => ("linearizable", Evidence::default()),
        Verdict::NotLinearizable(evidence) => ("NOT LINEARIZABLE", evidence.clone()),
        Verdict::GaveUp(evidence) => ("no order found, and not all were tried", evidence.clone()),
    }
}

fn line(at: usize, call: &Call) -> anyhow::Result<String> {
    let Call { client, asked, invoked, returned, told } = call;
    let asked_json = json(&format!("tenure.v1.{}Request", asked.rpc()), &asked.bytes())?;
    let told = match told {
        Told::Done(answer) => json(&format!("tenure.v1.{}Response", asked.rpc()), answer)?,
        Told::Refused(_, refusal) => {
            let detail = prost::Message::encode_to_vec(&**refusal);
            format!("refused {}", json("tenure.v1.Refusal", &detail)?)
        }
        Told::NotTried(reason) => format!("not tried, {}", reason.as_str_name()),
        Told::Nothing(why) => format!("no answer ({why})"),
    };
    Ok(format!(
        "#{at} client {client} [{}, {}] at {} to {} ms: {} {asked_json} -> {told}",
        invoked.order,
        returned.order,
        invoked.elapsed_ms,
        returned.elapsed_ms,
        asked.rpc(),
    ))
}

/// A message in canonical JSON.
fn json(name: &str, bytes: &[u8]) -> anyhow::Result<String> {
    let pool = DescriptorPool::decode(tenure::FILE_DESCRIPTOR_SET)?;
    let descriptor =
        pool.get_message_by_name(name).with_context(|| format!("no message {name}"))?;
    let message = DynamicMessage::decode(descriptor, bytes)?;
    Ok(serde_json::to_string(&message)?)
}

/// A page with a bar for each call near the place where the order ends, a row for each client.
fn drawn(broken: &Broken) -> anyhow::Result<String> {
    let (what, evidence) = judged(&broken.verdict);
    let place = evidence.stuck.first().map_or(0, |at| broken.calls[*at].invoked.order);
    let from = place.saturating_sub(60);
    let near = |call: &Call| call.returned.order >= from && call.invoked.order <= place + 60;
    let mut page = format!(
        "<!doctype html><meta charset=utf-8><title>{0}</title><style>div.c{{position:absolute;\
         height:18px;overflow:hidden;font:11px monospace;border:1px solid #333}}.ok{{background:\
         #cfc}}.stuck{{background:#fbb}}.lost{{background:#ddd}}.later{{background:#eef}}</style>\
         <h1>{0}: {what}</h1><p>Green: in the order that was found. Red: cannot come next. Grey: \
         without answer.<div style=\"position:relative\">",
        broken.workspace,
    );
    for (at, call) in broken.calls.iter().enumerate().filter(|(_, call)| near(call)) {
        let class = match (&call.told, evidence.prefix.contains(&at), evidence.stuck.contains(&at))
        {
            (Told::Nothing(_), false, _) => "lost",
            (_, true, _) => "ok",
            (_, _, true) => "stuck",
            _ => "later",
        };
        let (begin, end) = (call.invoked.order.max(from), call.returned.order.min(place + 80));
        write!(
            page,
            "<div class=\"c {class}\" style=\"left:{}px;width:{}px;top:{}px\" title=\"{}\">#{at} \
             {}</div>",
            (begin - from) * PIXELS,
            (end.saturating_sub(begin)).max(1) * PIXELS,
            call.client * 22,
            escaped(&line(at, call)?),
            call.asked.rpc(),
        )?;
    }
    page.push_str("</div>");
    Ok(page)
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('"', "&quot;").replace('<', "&lt;")
}
