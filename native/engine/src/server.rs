//! What kind of server it is, and the library of functions in it.

use redis::{Connection, ConnectionLike, RedisResult, Value};

use crate::asking;
use crate::error::{Error, Kind, Result};
use crate::library::{NAME, library};
use crate::target::Target;
use crate::wire::{self, Reply};

/// What is said of a server at the first connection.
pub struct Server {
    /// Tells one start of a server from the next.
    pub run: String,
    /// What whoever runs the program may want to know.
    pub warnings: Vec<String>,
}

/// One command and its answer.
///
/// # Errors
/// Those of the connection.
pub fn ask(connection: &mut Connection, parts: &[&[u8]]) -> RedisResult<Value> {
    let mut packed = Vec::new();
    wire::command(&mut packed, parts);
    connection.req_packed_command(&packed)
}

/// A field of what `INFO` says.
pub fn field<'a>(info: &'a str, name: &str) -> Option<&'a str> {
    info.lines()
        .find_map(|line| line.strip_prefix(name)?.strip_prefix(':'))
        .map(str::trim)
}

fn is_older(version: &str, wanted: (u32, u32)) -> bool {
    let mut numbers = version.split('.').map(|it| it.parse().unwrap_or(0));
    (numbers.next().unwrap_or(0), numbers.next().unwrap_or(0)) < wanted
}

/// Looks at the server.
///
/// # Errors
/// Where it is one that cannot be used.
pub fn look_at(info: &str, target: &Target) -> Result<Server> {
    let shown = target.shown();
    let refused = |kind, what: String| {
        Err(Error::new(
            kind,
            format!("Cannot use the engine \"{shown}\": {what}"),
        ))
    };
    let (name, version, wanted) = match field(info, "valkey_version") {
        Some(version) => ("Valkey", version, (7, 2)),
        None => ("Redis", field(info, "redis_version").unwrap_or("0"), (7, 0)),
    };
    if is_older(version, wanted) {
        let what =
            format!("it is {name} {version}, wanted Redis 7.0 or later, or Valkey 7.2 or later");
        return refused(Kind::Unsupported, what);
    }
    if !is_primary(info) {
        return refused(Kind::Refused, "it is a replica, wanted the primary".into());
    }
    let mode = field(info, "redis_mode").or_else(|| field(info, "server_mode"));
    if mode == Some("cluster") && !target.is_cluster() {
        let what = "it is one of a cluster, wanted redis+cluster://host,host";
        return refused(Kind::Unsupported, what.into());
    }
    if let Some(policy) = field(info, "maxmemory_policy").filter(|&it| it != "noeviction") {
        let what = format!(
            "its \"maxmemory-policy\" is \"{policy}\", wanted \"noeviction\", or it would drop locks and messages"
        );
        return refused(Kind::Refused, what);
    }
    let mut warnings = Vec::new();
    if field(info, "aof_enabled") == Some("0") {
        warnings.push(format!(
            "The engine \"{shown}\" keeps no append-only file: when it is restarted, programs end with StateLostError"
        ));
    }
    let run = start_in(info).to_owned();
    Ok(Server { run, warnings })
}

/// What tells this start of the server from others.
pub fn start_in(info: &str) -> &str {
    field(info, "run_id").unwrap_or_default()
}

/// What tells this start of the server, and this time as a primary, from others.
pub fn run_in(info: &str) -> String {
    let history = field(info, "master_replid").unwrap_or_default();
    format!("{}/{history}", start_in(info))
}

/// Whether it takes steps, and is no replica of another.
pub fn is_primary(info: &str) -> bool {
    field(info, "role").is_none_or(|role| role == "master")
}

/// Whether it has `WAITAOF`: Redis 7.2 or later, or Valkey.
pub fn waits_for_disk(info: &str) -> bool {
    let version = field(info, "redis_version").unwrap_or("0");
    field(info, "valkey_version").is_some() || !is_older(version, (7, 2))
}

/// What `INFO` says.
///
/// # Errors
/// Those of the connection.
pub fn info_of(connection: &mut Connection) -> RedisResult<String> {
    let value = ask(connection, &[b"INFO"])?.extract_error()?;
    redis::from_redis_value(value).map_err(Into::into)
}

/// What of it each connection looks at.
///
/// # Errors
/// Those of the connection.
pub fn brief_info_of(connection: &mut Connection) -> RedisResult<String> {
    let value = ask(
        connection,
        &[b"INFO", b"server", b"replication", b"persistence"],
    )?
    .extract_error()?;
    redis::from_redis_value(value).map_err(Into::into)
}

/// Loads the library where it is missing.
///
/// # Errors
/// Where the engine refuses it, or has another one under the same name. What it refuses only now is one of the connection.
pub fn load_library(connection: &mut Connection, target: &Target) -> RedisResult<Result<()>> {
    let shown = target.shown();
    let refused = |what: String| {
        Ok(Err(Error::new(
            Kind::Refused,
            format!("Cannot use the engine \"{shown}\": {what}"),
        )))
    };
    let (text, hash) = library();
    for _ in 0..2 {
        let mut packed = Vec::new();
        wire::call::<&str>(&mut packed, "library", &target.prefix_of(""), &[], &[]);
        match connection.req_packed_command(&packed)? {
            Value::ServerError(error)
                if error
                    .details()
                    .is_some_and(|it| it.contains("Function not found")) => {}
            Value::ServerError(error) => {
                ready(&error)?;
                return refused(format!("it says \"{}\"", said(&error)));
            }
            value => {
                let answer = wire::parts_of(value);
                return match answer.get(1).is_some_and(|it| it == hash.as_bytes()) {
                    true => Ok(Ok(())),
                    false => refused(format!(
                        "it has another library of functions under the name \"{NAME}\": that of another build of this package"
                    )),
                };
            }
        }
        if let Value::ServerError(error) =
            ask(connection, &[b"FUNCTION", b"LOAD", text.as_bytes()])?
        {
            ready(&error)?;
            let why = said(&error);
            if !why.contains("already exists") {
                return refused(format!(
                    "it does not take the library of functions: \"{why}\""
                ));
            }
        }
    }
    refused(format!(
        "its library of functions \"{NAME}\" has not all of them"
    ))
}

/// An engine that is not ready says so, or that it is the engine no more.
fn ready(error: &redis::ServerError) -> RedisResult<()> {
    match wire::refusal_of(error.code(), error.details().unwrap_or_default()) {
        Reply::Away(why) => Err(asking::failed("it is not ready", why)),
        _ => Ok(()),
    }
}

fn said(error: &redis::ServerError) -> String {
    format!("{} {}", error.code(), error.details().unwrap_or_default())
}
