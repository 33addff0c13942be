//! A history as lines of JSON, one a call, and back: what failed once can be checked again.

use anyhow::{Context, bail};
use prost::Message;
use serde_json::{Value, json};
use tenure::v1;
use tonic::Code;

use super::record::{Call, Instant, Told};
use super::rpc::Asked;

/// All calls, one a line.
///
/// # Errors
/// Never, as long as JSON can be written.
pub fn written(calls: &[Call]) -> anyhow::Result<String> {
    let mut text = String::new();
    for call in calls {
        let told = match &call.told {
            Told::Done(answer) => json!({"done": hex(answer)}),
            Told::Refused(code, refusal) => {
                json!({"code": i32::from(*code), "refused": hex(&refusal.encode_to_vec())})
            }
            Told::NotTried(reason) => json!({"not_tried": i32::from(*reason)}),
            Told::Nothing(why) => json!({"nothing": why}),
        };
        let line = json!({
            "client": call.client,
            "rpc": call.asked.rpc(),
            "asked": hex(&call.asked.bytes()),
            "invoked": [call.invoked.order, call.invoked.elapsed_ms],
            "returned": [call.returned.order, call.returned.elapsed_ms],
            "told": told,
        });
        text.push_str(&serde_json::to_string(&line)?);
        text.push('\n');
    }
    Ok(text)
}

/// The calls that were written.
///
/// # Errors
/// With the first line that is not a call.
pub fn read(text: &str) -> anyhow::Result<Vec<Call>> {
    let call = |(at, line)| call(line).with_context(|| format!("line {} is no call", at + 1));
    text.lines().enumerate().map(call).collect()
}

fn call(line: &str) -> anyhow::Result<Call> {
    let line: Value = serde_json::from_str(line)?;
    let told = &line["told"];
    let told = if let Some(answer) = told["done"].as_str() {
        Told::Done(bytes(answer)?)
    } else if let Some(refusal) = told["refused"].as_str() {
        let code = i32::try_from(told["code"].as_i64().context("no code")?)?;
        Told::Refused(Code::from(code), Box::new(v1::Refusal::decode(&*bytes(refusal)?)?))
    } else if let Some(reason) = told["not_tried"].as_i64() {
        Told::NotTried(v1::ErrorReason::try_from(i32::try_from(reason)?)?)
    } else {
        Told::Nothing(told["nothing"].as_str().context("it was told something else")?.to_owned())
    };
    let asked = bytes(line["asked"].as_str().context("it asks nothing")?)?;
    Ok(Call {
        client: usize::try_from(line["client"].as_u64().context("no client")?)?,
        asked: Asked::decode(line["rpc"].as_str().context("no rpc")?, &asked)?,
        invoked: instant(&line["invoked"])?,
        returned: instant(&line["returned"])?,
        told,
    })
}

fn instant(value: &Value) -> anyhow::Result<Instant> {
    let (Some(order), Some(elapsed_ms)) = (value[0].as_u64(), value[1].as_u64()) else {
        bail!("an instant is an order and milliseconds");
    };
    Ok(Instant { order, elapsed_ms })
}

/// Bytes as text.
#[must_use]
pub fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        // Writing to a string does not fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// Text as bytes.
///
/// # Errors
/// If it is not made of pairs of hexadecimal digits.
pub fn bytes(hex: &str) -> anyhow::Result<Vec<u8>> {
    let pair = |pair: &[u8]| {
        let digits = std::str::from_utf8(pair)?;
        u8::from_str_radix(digits, 16).with_context(|| format!("{digits:?} is no byte"))
    };
    hex.as_bytes().chunks(2).map(pair).collect()
}
