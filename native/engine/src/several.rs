//! URLs that name several servers: sentinels and what they call the primary, or servers of a cluster.

use redis::{ConnectionAddr, IntoConnectionInfo};

use crate::error::Result;
use crate::target::bad;

/// What the servers are.
#[derive(Debug, PartialEq, Eq)]
pub enum Kin {
    /// Sentinels, and what they call the primary.
    Sentinels(String),
    /// Servers of a cluster.
    Cluster,
}

/// Such a URL, in its parts.
pub struct Several {
    pub kin: Kin,
    /// The URL of the engine, as if it were the first of them.
    pub url: String,
    pub named: Vec<ConnectionAddr>,
    /// The URL, without user and password.
    pub shown: String,
}

impl Several {
    /// Nothing if it is the URL of one server.
    ///
    /// # Errors
    /// [`crate::Kind::BadUrl`]
    pub fn parse(url: &str) -> Result<Option<Self>> {
        let Some((scheme, rest)) = url.split_once("://") else {
            return Ok(None);
        };
        let (one, is_cluster) = match scheme {
            "redis+sentinel" | "valkey+sentinel" => ("redis", false),
            "redis+cluster" | "valkey+cluster" => ("redis", true),
            "rediss+cluster" | "valkeys+cluster" => ("rediss", true),
            _ => return Ok(None),
        };
        let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
        let (authority, tail) = rest.split_at(end);
        let (login, hosts) = match authority.rsplit_once('@') {
            Some((login, hosts)) => (format!("{login}@"), hosts),
            None => (String::new(), authority),
        };
        let first = hosts.split(',').next().unwrap_or_default();
        let path = tail.split(['?', '#']).next().unwrap_or_default();
        let shown = format!("{scheme}://{hosts}{path}");
        let named = hosts.split(',').map(|it| address_of(one, it));
        let named = named.collect::<Result<Vec<_>>>()?;
        let (kin, tail) = match is_cluster {
            true if !matches!(path, "" | "/" | "/0") => {
                return Err(bad("has a database, wanted none: a cluster has but one"));
            }
            true => (Kin::Cluster, tail),
            false => {
                let (name, tail) = split_name(tail);
                let name = percent_decoded(name)
                    .filter(|it| !it.is_empty())
                    .ok_or_else(|| {
                        bad("has no name of a primary, wanted redis+sentinel://host,host/name")
                    })?;
                (Kin::Sentinels(name), tail)
            }
        };
        Ok(Some(Self {
            kin,
            url: format!("{one}://{login}{first}{tail}"),
            named,
            shown,
        }))
    }
}

fn split_name(tail: &str) -> (&str, &str) {
    match tail.strip_prefix('/') {
        Some(it) => it.split_at(it.find(['/', '?', '#']).unwrap_or(it.len())),
        None => ("", tail),
    }
}

/// `host:port`, as in a URL.
fn address_of(scheme: &str, text: &str) -> Result<ConnectionAddr> {
    let parsed = redis::parse_redis_url(&format!("{scheme}://{text}"))
        .ok_or_else(|| bad("has a host that cannot be read"))?;
    let info = parsed
        .into_connection_info()
        .map_err(|_| bad("has a host that cannot be read"))?;
    Ok(info.addr().clone())
}

fn percent_decoded(text: &str) -> Option<String> {
    let mut bytes = Vec::new();
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        if byte != b'%' {
            bytes.push(byte);
            continue;
        }
        let digits = [rest.next()?, rest.next()?];
        let digits = std::str::from_utf8(&digits).ok()?;
        bytes.push(u8::from_str_radix(digits, 16).ok()?);
    }
    String::from_utf8(bytes).ok()
}
