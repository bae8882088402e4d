//! Servers that are asked where the engine is: one after the other, until one can tell.

use std::time::{Duration, Instant};

use redis::{ConnectionAddr, ErrorKind, RedisError, RedisResult};

/// What is wrong with what they said.
pub fn failed(what: &'static str, detail: impl Into<String>) -> RedisError {
    RedisError::from((ErrorKind::Io, what, detail.into()))
}

/// How long it is until then: some time always.
pub fn left_until(until: Instant) -> Duration {
    until
        .saturating_duration_since(Instant::now())
        .max(Duration::from_millis(1))
}

/// What the first of them gives that gives something, from the one at `first` on. Each has a share of the time, so that
/// one which does not answer leaves time for the others.
///
/// # Errors
/// What the last one has said.
pub fn first_of<T>(
    servers: &[ConnectionAddr],
    first: usize,
    until: Instant,
    mut ask: impl FnMut(&ConnectionAddr, Instant) -> RedisResult<T>,
) -> RedisResult<T> {
    let mut last = failed("no server is named", "");
    for at in 0..servers.len() {
        let left = until.saturating_duration_since(Instant::now());
        let others = u32::try_from(servers.len() - at).unwrap_or(1);
        let server = &servers[(first + at) % servers.len()];
        match ask(server, Instant::now() + left / others) {
            Ok(found) => return Ok(found),
            Err(error) => last = error,
        }
    }
    Err(last)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_is_asked_once_from_the_first_on() {
        let servers: Vec<_> = (0..3)
            .map(|port| ConnectionAddr::Tcp("h".into(), port))
            .collect();
        let until = Instant::now() + Duration::from_secs(60);
        let mut asked = Vec::new();
        let gave = first_of(&servers, 5, until, |server, share| {
            assert!(share <= until + Duration::from_secs(1));
            asked.push(server.clone());
            Err::<(), _>(failed("nothing", asked.len().to_string()))
        });
        assert_eq!(
            asked,
            [servers[2].clone(), servers[0].clone(), servers[1].clone()]
        );
        assert!(gave.unwrap_err().to_string().contains('3'));
    }
}
