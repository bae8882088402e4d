//! Steps as bytes, and bytes as answers.

use redis::Value;

use crate::error::{Error, Kind};
use crate::library::PREFIX;

/// The parts of an answer, behind which the first says what became of the step.
pub type Answer = Vec<Vec<u8>>;

/// What a step has come to.
pub enum Reply {
    /// Done, or refused by what the object is in.
    Done(Answer),
    /// The outcome comes in the mailbox.
    Later,
    /// The step was not done, and no other will be.
    Ended(Error),
    /// The step was not done.
    Failed(Error),
    /// The engine is not ready; the step was not done.
    Away(String),
}

fn bulk(out: &mut Vec<u8>, bytes: &[u8]) {
    out.push(b'$');
    out.extend_from_slice(bytes.len().to_string().as_bytes());
    out.extend_from_slice(b"\r\n");
    out.extend_from_slice(bytes);
    out.extend_from_slice(b"\r\n");
}

/// A command.
pub fn command<A: AsRef<[u8]>>(out: &mut Vec<u8>, parts: &[A]) {
    out.push(b'*');
    out.extend_from_slice(parts.len().to_string().as_bytes());
    out.extend_from_slice(b"\r\n");
    for part in parts {
        bulk(out, part.as_ref());
    }
}

/// The call of a function of the library on the keys of a tree.
pub fn call<A: AsRef<[u8]>>(
    out: &mut Vec<u8>,
    name: &str,
    prefix: &str,
    head: &[&str],
    args: &[A],
) {
    out.push(b'*');
    out.extend_from_slice((4 + head.len() + args.len()).to_string().as_bytes());
    out.extend_from_slice(b"\r\n");
    bulk(out, b"FCALL");
    bulk(out, format!("{PREFIX}{name}").as_bytes());
    bulk(out, b"1");
    bulk(out, prefix.as_bytes());
    for part in head {
        bulk(out, part.as_bytes());
    }
    for arg in args {
        bulk(out, arg.as_ref());
    }
}

fn part_of(value: Value) -> Vec<u8> {
    match value {
        Value::BulkString(bytes) => bytes,
        Value::SimpleString(text) => text.into_bytes(),
        Value::Int(number) => number.to_string().into_bytes(),
        Value::Okay => b"OK".to_vec(),
        _ => Vec::new(),
    }
}

/// What a value that is a list has in it.
pub fn parts_of(value: Value) -> Answer {
    match value {
        Value::Array(values) => values.into_iter().map(part_of).collect(),
        Value::Nil => Vec::new(),
        value => vec![part_of(value)],
    }
}

/// Reads the answer to a step or a look.
pub fn reply_of(value: Value) -> Reply {
    let answer = match value {
        Value::ServerError(error) => {
            return refusal_of(error.code(), error.details().unwrap_or(""));
        }
        value => parts_of(value),
    };
    let text = |index: usize| {
        answer.get(index).map_or_else(String::new, |bytes| {
            String::from_utf8_lossy(bytes).into_owned()
        })
    };
    match text(0).as_str() {
        "ok" | "no" => Reply::Done(answer),
        "later" => Reply::Later,
        "gone" => Reply::Ended(gone(match text(1).as_str() {
            "" => "there is no such tree any more",
            why => why,
        })),
        "fenced" => Reply::Ended(fenced(&text(1))),
        other => {
            let message = format!("Cannot take a step: the engine answered \"{other}\"");
            Reply::Failed(Error::new(Kind::Refused, message))
        }
    }
}

/// The engine has lost what it once had.
pub fn gone(what: &str) -> Error {
    let message = format!("Cannot go on: the engine has lost the state of this program: {what}");
    Error::new(Kind::Lost, message)
}

/// This process is among the dead.
pub fn fenced(how: &str) -> Error {
    let reason = if how.is_empty() { "" } else { ": " };
    let message = format!("Cannot go on: this process was declared dead{reason}{how}");
    Error::new(Kind::Fenced, message)
}

/// What an error of the server means.
pub fn refusal_of(code: &str, details: &str) -> Reply {
    match code {
        // MISCONF and NOREPLICAS: it cannot save, or has too few replicas, and so does nothing that writes meanwhile.
        // MOVED and ASK: another node of the cluster has the keys now, or is about to.
        "LOADING" | "BUSY" | "READONLY" | "MASTERDOWN" | "CLUSTERDOWN" | "TRYAGAIN" | "MISCONF"
        | "NOREPLICAS" | "MOVED" | "ASK" => Reply::Away(format!("{code} {details}")),
        "OOM" => Reply::Failed(Error::new(
            Kind::Refused,
            "Cannot take a step: the engine's memory is full",
        )),
        _ if details.contains("Function not found") => Reply::Failed(Error::new(
            Kind::Refused,
            format!("Cannot take a step: the engine's library has no such function ({details})"),
        )),
        _ => Reply::Failed(Error::new(
            Kind::Refused,
            format!("Cannot take a step: the engine says \"{code} {details}\""),
        )),
    }
}
