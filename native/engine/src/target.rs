//! The URL of an engine: where it is, and as whom to speak to it. What is shown of it never has the password.

use std::time::{Duration, Instant};

use redis::io::tcp::{TcpSettings, socket2::TcpKeepalive};
use redis::{
    Client, Connection, ConnectionAddr, ConnectionInfo, IntoConnectionInfo, RedisConnectionInfo,
    RedisResult, TlsCertificates,
};

use crate::cluster::Cluster;
use crate::error::{Error, Kind, Result};
use crate::group::Group;
use crate::several::{Kin, Several};
use crate::{asking, server};

const KEEPALIVE: Duration = Duration::from_secs(10);
/// What all keys begin with, unless the URL says it.
const PREFIX: &str = "mp:";
const LONGEST_PREFIX: usize = 64;

/// Who the engine is.
enum Place {
    /// The server that the URL names.
    Server,
    /// Whom sentinels name.
    Group(Box<Group>),
    /// Whom servers of a cluster name.
    Cluster(Cluster),
}

/// An engine.
pub struct Target {
    info: ConnectionInfo,
    place: Place,
    /// What all keys begin with.
    prefix: String,
    /// The certificates of `?ca=`, as PEM; without it, those of the system are trusted.
    authorities: Option<Vec<u8>>,
    shown: String,
}

/// A URL that is none.
pub fn bad(why: &str) -> Error {
    Error::new(
        Kind::BadUrl,
        format!("Cannot use the engine: its URL {why}"),
    )
}

impl Target {
    /// # Errors
    /// [`Kind::BadUrl`], [`Kind::Unsupported`]
    pub fn parse(url: &str, user_timeout: Duration) -> Result<Self> {
        let several = Several::parse(url)?;
        let url = several.as_ref().map_or(url, |it| &it.url);
        let parsed = redis::parse_redis_url(url).ok_or_else(|| {
            bad("is none of \"redis:\", \"rediss:\", \"redis+unix:\", \"redis+sentinel:\", \"redis+cluster:\" or \"valkey\" instead of \"redis\"")
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
        let prefix = value("prefix").unwrap_or_else(|| PREFIX.into());
        if !is_prefix(&prefix) {
            return Err(bad(
                "has a \"prefix\" that is none, wanted 1 to 64 letters, digits and \".:_-\"",
            ));
        }
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
        let (place, shown) = match several {
            None => (Place::Server, shown.to_string()),
            Some(Several {
                kin: Kin::Cluster,
                named,
                shown,
                ..
            }) => (Place::Cluster(Cluster::new(named, &prefix)), shown),
            Some(Several {
                kin: Kin::Sentinels(name),
                named,
                shown,
                ..
            }) => {
                let mut spoken = RedisConnectionInfo::default().set_skip_set_lib_name();
                if let Some(user) = of_sentinels.0 {
                    spoken = spoken.set_username(user);
                }
                if let Some(password) = of_sentinels.1 {
                    spoken = spoken.set_password(password);
                }
                let group = Group {
                    sentinels: named,
                    name,
                    login: info.clone().set_redis_settings(spoken),
                };
                (Place::Group(Box::new(group)), shown)
            }
        };
        Ok(Self {
            info,
            place,
            prefix,
            authorities,
            shown,
        })
    }

    /// The URL, without user and password.
    pub fn shown(&self) -> &str {
        &self.shown
    }

    /// Whether it is a cluster.
    pub fn is_cluster(&self) -> bool {
        matches!(self.place, Place::Cluster(_))
    }

    /// What the keys of a tree begin with; those of the hosts, too, which are as a tree. On a cluster all have one hash tag,
    /// so that a step may use any of them.
    pub fn prefix_of(&self, tree: &str) -> String {
        let prefix = &self.prefix;
        match self.is_cluster() {
            true => format!("{prefix}{{{prefix}}}:{{{tree}}}:"),
            false => format!("{prefix}{{{tree}}}:"),
        }
    }

    /// Connects to whoever is the engine now, and says who this is.
    ///
    /// # Errors
    /// Those of the system, and the server's refusal of the user.
    pub fn dial(&self, timeout: Duration) -> RedisResult<Connection> {
        let until = Instant::now() + timeout;
        let mut connection = match &self.place {
            Place::Server => return self.connect(self.info.addr(), until),
            Place::Group(group) => self.connect(&group.find(until)?, until)?,
            Place::Cluster(cluster) => {
                cluster.dial(until, |address, until| self.connect(address, until))?
            }
        };
        connection.set_read_timeout(Some(asking::left_until(until)))?;
        require_primary(&mut connection)?;
        connection.set_read_timeout(None)?;
        Ok(connection)
    }

    fn connect(&self, address: &ConnectionAddr, until: Instant) -> RedisResult<Connection> {
        let info = self.info.clone().set_addr(address.clone());
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
        client.get_connection_with_timeout(asking::left_until(until))
    }
}

fn is_prefix(text: &str) -> bool {
    let is_of_it = |it: char| it.is_ascii_alphanumeric() || ".:_-".contains(it);
    !text.is_empty() && text.len() <= LONGEST_PREFIX && text.chars().all(is_of_it)
}

/// Refuses a replica: those who were asked do not know yet that it is the engine no more.
fn require_primary(connection: &mut Connection) -> RedisResult<()> {
    match server::is_primary(&server::brief_info_of(connection)?) {
        true => Ok(()),
        false => Err(asking::failed("those who were asked name a replica", "")),
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
        let Place::Group(group) = target.place else {
            panic!("it is no group");
        };
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
            "redis+cluster://:secret@a,b/1",
            "redis+cluster://:secret@a,b:secret",
            "redis://:secret@a?prefix=",
            "redis://:secret@a?prefix={secret}",
        ] {
            let error = parse(url).err().unwrap();
            assert!(!error.message.contains("secret"), "{}", error.message);
        }
    }

    #[test]
    fn keys_begin_with_a_prefix_and_on_a_cluster_have_one_tag() {
        for (url, prefix) in [
            ("redis://a", "mp:{t}:"),
            ("redis://a?prefix=team-1.x:", "team-1.x:{t}:"),
            ("redis+unix:///a?db=1&prefix=t_", "t_{t}:"),
            ("redis+sentinel://a,b/name?prefix=t:", "t:{t}:"),
            ("redis+cluster://a,b", "mp:{mp:}:{t}:"),
            ("rediss+cluster://a,b/?prefix=team1:", "team1:{team1:}:{t}:"),
        ] {
            assert_eq!(parse(url).unwrap().prefix_of("t"), prefix);
        }
    }

    #[test]
    fn servers_of_a_cluster_are_as_one() {
        let target = parse("valkeys+cluster://me:pass@a:1,[::1]:2").unwrap();
        assert!(target.is_cluster());
        let redis = target.info.redis_settings();
        assert_eq!(
            (redis.username(), redis.password(), redis.db()),
            (Some("me"), Some("pass"), 0)
        );
        assert!(matches!(
            target.info.addr(),
            ConnectionAddr::TcpTls { port: 1, .. }
        ));
    }
}
