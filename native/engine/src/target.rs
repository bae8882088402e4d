//! The URL of an engine: where it is, and as whom to speak to it. What is shown of it never has the password.

use std::time::{Duration, Instant};

use redis::io::tcp::{TcpSettings, socket2::TcpKeepalive};
use redis::{
    Client, Connection, ConnectionAddr, ConnectionInfo, IntoConnectionInfo, RedisConnectionInfo,
    RedisResult, TlsCertificates,
};

use crate::error::{Error, Kind, Result};
use crate::group::{Group, require_primary};

const KEEPALIVE: Duration = Duration::from_secs(10);

/// An engine.
pub struct Target {
    info: ConnectionInfo,
    /// Where sentinels know who the engine is.
    group: Option<Group>,
    /// The certificates of `?ca=`, as PEM; without it, those of the system are trusted.
    authorities: Option<Vec<u8>>,
    shown: String,
}

fn bad(why: &str) -> Error {
    Error::new(
        Kind::BadUrl,
        format!("Cannot use the engine: its URL {why}"),
    )
}

impl Target {
    /// # Errors
    /// [`Kind::BadUrl`], [`Kind::Unsupported`]
    pub fn parse(url: &str, user_timeout: Duration) -> Result<Self> {
        let scheme = url.split("://").next().unwrap_or_default();
        if scheme.ends_with("+cluster") {
            let message =
                format!("Cannot use the engine: URLs of \"{scheme}:\" are not served yet");
            return Err(Error::new(Kind::Unsupported, message));
        }
        let sentinels = Sentinels::parse(url)?;
        let url = sentinels.as_ref().map_or(url, |it| &it.url);
        let parsed = redis::parse_redis_url(url).ok_or_else(|| {
            bad("is none of \"redis:\", \"rediss:\", \"redis+unix:\", \"redis+sentinel:\" or \"valkey\" instead of \"redis\"")
        })?;
        if parsed.fragment().is_some() {
            return Err(bad("has a \"#\", wanted none"));
        }
        let value = |name: &str| {
            let mut pairs = parsed.query_pairs();
            pairs
                .find(|(it, _)| it == name)
                .map(|(_, value)| value.into_owned())
        };
        let authorities = match value("ca") {
            Some(path) => Some(std::fs::read(&path).map_err(|error| {
                Error::new(
                    Kind::Refused,
                    format!(
                        "Cannot use the engine: its certificates \"{path}\" cannot be read: {error}"
                    ),
                )
            })?),
            None => None,
        };
        let mut shown = parsed.clone();
        // Fails only where there can be none.
        let _ = shown.set_password(None);
        let _ = shown.set_username("");
        shown.set_query(None);
        let (user, password) = (value("user"), value("password"));
        let of_sentinels = (value("sentinelUser"), value("sentinelPassword"));
        let info = parsed
            .into_connection_info()
            .map_err(|error| bad(&format!("is wrong: {}", error.category())))?;
        let tcp = TcpSettings::default()
            .set_nodelay(true)
            .set_keepalive(
                TcpKeepalive::new()
                    .with_time(KEEPALIVE)
                    .with_interval(KEEPALIVE),
            )
            .set_user_timeout(user_timeout);
        let mut redis = info.redis_settings().clone().set_skip_set_lib_name();
        if let Some(user) = user.filter(|it| !it.is_empty()) {
            redis = redis.set_username(user);
        }
        if let Some(password) = password.filter(|it| !it.is_empty()) {
            redis = redis.set_password(password);
        }
        let info = info.set_tcp_settings(tcp).set_redis_settings(redis);
        let shown = match &sentinels {
            Some(sentinels) => sentinels.shown.clone(),
            None => shown.to_string(),
        };
        let group = sentinels.map(|it| {
            let mut spoken = RedisConnectionInfo::default().set_skip_set_lib_name();
            if let Some(user) = of_sentinels.0 {
                spoken = spoken.set_username(user);
            }
            if let Some(password) = of_sentinels.1 {
                spoken = spoken.set_password(password);
            }
            Group {
                sentinels: it.named,
                name: it.name,
                login: info.clone().set_redis_settings(spoken),
            }
        });
        Ok(Self {
            info,
            group,
            authorities,
            shown,
        })
    }

    /// The URL, without user and password.
    pub fn shown(&self) -> &str {
        &self.shown
    }

    /// Connects to whoever is the engine now, and says who this is.
    ///
    /// # Errors
    /// Those of the system, and the server's refusal of the user.
    pub fn dial(&self, timeout: Duration) -> RedisResult<Connection> {
        let until = Instant::now() + timeout;
        let mut info = self.info.clone();
        if let Some(group) = &self.group {
            info = info.set_addr(group.find(timeout)?);
        }
        let timeout = until
            .saturating_duration_since(Instant::now())
            .max(Duration::from_millis(1));
        let client = match &self.authorities {
            Some(pem) => {
                let root_cert = Some(pem.clone());
                Client::build_with_tls(
                    info,
                    TlsCertificates {
                        client_tls: None,
                        root_cert,
                    },
                )?
            }
            None => Client::open(info)?,
        };
        let mut connection = client.get_connection_with_timeout(timeout)?;
        if self.group.is_some() {
            connection.set_read_timeout(Some(timeout))?;
            require_primary(&mut connection)?;
            connection.set_read_timeout(None)?;
        }
        Ok(connection)
    }
}

/// The URL of a group, in its parts.
struct Sentinels {
    /// The URL of the engine, as if it were the first sentinel.
    url: String,
    named: Vec<ConnectionAddr>,
    name: String,
    /// The URL, without user and password.
    shown: String,
}

impl Sentinels {
    /// Nothing if it is the URL of one server.
    fn parse(url: &str) -> Result<Option<Self>> {
        let Some((scheme @ ("redis+sentinel" | "valkey+sentinel"), rest)) = url.split_once("://")
        else {
            return Ok(None);
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
        let named = hosts.split(',').map(address_of);
        let named = named.collect::<Result<Vec<_>>>()?;
        let (name, tail) = match tail.strip_prefix('/') {
            Some(it) => it.split_at(it.find(['/', '?', '#']).unwrap_or(it.len())),
            None => ("", tail),
        };
        let name = percent_decoded(name)
            .filter(|it| !it.is_empty())
            .ok_or_else(|| {
                bad("has no name of a primary, wanted redis+sentinel://host,host/name")
            })?;
        Ok(Some(Self {
            url: format!("redis://{login}{first}{tail}"),
            named,
            name,
            shown,
        }))
    }
}

/// `host:port`, as in a URL.
fn address_of(text: &str) -> Result<ConnectionAddr> {
    let parsed = redis::parse_redis_url(&format!("redis://{text}"))
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

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(url: &str) -> Result<Target> {
        Target::parse(url, Duration::from_secs(1))
    }

    #[test]
    fn no_password_is_shown() {
        for (url, shown) in [
            ("redis://user:secret@host:6380/2", "redis://host:6380/2"),
            (
                "redis+unix:///run/redis.sock?db=1&user=me&password=secret",
                "redis+unix:///run/redis.sock",
            ),
            ("valkey://:secret@host", "valkey://host"),
            ("rediss://:secret@host", "rediss://host"),
            (
                "redis+sentinel://me:secret@a:1,[::1]:2/my%20name/3?sentinelPassword=secret",
                "redis+sentinel://a:1,[::1]:2/my%20name/3",
            ),
            (
                "redis+cluster://:secret@a:1,b:2/0",
                "redis+cluster://a:1,b:2/0",
            ),
        ] {
            assert_eq!(parse(url).unwrap().shown(), shown);
        }
    }

    #[test]
    fn a_password_of_a_socket_is_in_the_query() {
        let target = parse("redis+unix:///run/redis.sock?user=me&password=sec%20ret&db=3").unwrap();
        let redis = target.info.redis_settings();
        assert_eq!(
            (redis.username(), redis.password(), redis.db()),
            (Some("me"), Some("sec ret"), 3)
        );
    }

    #[test]
    fn sentinels_have_a_login_of_their_own() {
        let target =
            parse("redis+sentinel://me:pass@a:1,b:2/my%2Fname/3?sentinelPassword=other").unwrap();
        assert_eq!(target.info.redis_settings().db(), 3);
        let group = target.group.unwrap();
        assert_eq!((group.sentinels.len(), group.name.as_str()), (2, "my/name"));
        let login = group.login.redis_settings();
        assert_eq!((login.username(), login.password()), (None, Some("other")));
    }

    #[test]
    fn other_urls_are_refused_without_their_password() {
        for url in [
            "http://:secret@host",
            "redis://:secret@host/db",
            "rediss://:secret@host#insecure",
            "redis+sentinel://:secret@a,b",
            "redis+sentinel://:secret@a,b//0",
            "redis+sentinel://:secret@a,b:secret/name",
            "redis+cluster://:secret@a,b",
        ] {
            let error = parse(url).err().unwrap();
            assert!(!error.message.contains("secret"), "{}", error.message);
        }
    }
}
