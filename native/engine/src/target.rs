//! The URL of an engine: where it is, and as whom to speak to it. What is shown of it never has the password.

use std::time::Duration;

use redis::io::tcp::TcpSettings;
use redis::{Client, Connection, ConnectionInfo, IntoConnectionInfo, RedisResult};

use crate::error::{Error, Kind, Result};

/// An engine.
pub struct Target {
    info: ConnectionInfo,
    shown: String,
}

impl Target {
    /// # Errors
    /// [`Kind::BadUrl`], [`Kind::Unsupported`]
    pub fn parse(url: &str, user_timeout: Duration) -> Result<Self> {
        let scheme = url.split("://").next().unwrap_or_default();
        if [
            "redis+sentinel",
            "valkey+sentinel",
            "redis+cluster",
            "valkey+cluster",
        ]
        .contains(&scheme)
        {
            let message =
                format!("Cannot use the engine: URLs of \"{scheme}:\" are not served yet");
            return Err(Error::new(Kind::Unsupported, message));
        }
        if scheme == "rediss" || scheme == "valkeys" {
            let message =
                format!("Cannot use the engine: URLs of \"{scheme}:\" are not served yet");
            return Err(Error::new(Kind::Unsupported, message));
        }
        let bad = |why: &str| {
            Error::new(
                Kind::BadUrl,
                format!("Cannot use the engine: its URL {why}"),
            )
        };
        let parsed = redis::parse_redis_url(url)
            .ok_or_else(|| bad("is none of \"redis:\", \"rediss:\", \"redis+unix:\" or \"valkey\" instead of \"redis\""))?;
        let mut shown = parsed.clone();
        // Fails only where there can be none.
        let _ = shown.set_password(None);
        let _ = shown.set_username("");
        shown.set_query(None);
        shown.set_fragment(None);
        let info = parsed
            .into_connection_info()
            .map_err(|error| bad(&format!("is wrong: {}", error.category())))?;
        let tcp = TcpSettings::default()
            .set_nodelay(true)
            .set_user_timeout(user_timeout);
        let redis = info.redis_settings().clone().set_skip_set_lib_name();
        Ok(Self {
            info: info.set_tcp_settings(tcp).set_redis_settings(redis),
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
        Client::open(self.info.clone())?.get_connection_with_timeout(timeout)
    }
}
