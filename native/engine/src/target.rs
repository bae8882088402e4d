//! The URL of an engine: where it is, and as whom to speak to it. What is shown of it never has the password.

use std::time::Duration;

use redis::io::tcp::{TcpSettings, socket2::TcpKeepalive};
use redis::{Client, Connection, ConnectionInfo, IntoConnectionInfo, RedisResult, TlsCertificates};

use crate::error::{Error, Kind, Result};

const KEEPALIVE: Duration = Duration::from_secs(10);

/// An engine.
pub struct Target {
    info: ConnectionInfo,
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
        if scheme.ends_with("+sentinel") || scheme.ends_with("+cluster") {
            let message =
                format!("Cannot use the engine: URLs of \"{scheme}:\" are not served yet");
            return Err(Error::new(Kind::Unsupported, message));
        }
        let parsed = redis::parse_redis_url(url).ok_or_else(|| {
            bad("is none of \"redis:\", \"rediss:\", \"redis+unix:\" or \"valkey\" instead of \"redis\"")
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
        Ok(Self {
            info: info.set_tcp_settings(tcp).set_redis_settings(redis),
            authorities,
            shown: shown.to_string(),
        })
    }

    /// The URL, without user and password.
    pub fn shown(&self) -> &str {
        &self.shown
    }

    /// Connects, and says who this is.
    ///
    /// # Errors
    /// Those of the system, and the server's refusal of the user.
    pub fn dial(&self, timeout: Duration) -> RedisResult<Connection> {
        let info = self.info.clone();
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
        client.get_connection_with_timeout(timeout)
    }
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
    fn other_urls_are_refused_without_their_password() {
        for url in [
            "http://:secret@host",
            "redis://:secret@host/db",
            "rediss://:secret@host#insecure",
            "redis+sentinel://:secret@a,b/name",
        ] {
            let error = parse(url).err().unwrap();
            assert!(!error.message.contains("secret"), "{}", error.message);
        }
    }
}
