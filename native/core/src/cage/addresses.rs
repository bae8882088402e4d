//! The addresses that the flags grant: hosts and ports as Deno reads them, and local sockets, which
//! are files.

use std::net::IpAddr;
use std::path::Path;

use super::command_line::{Grant, PATH_NAMES};
use super::{Cage, refused};
use crate::error::{Error, Result};

impl Cage {
    pub(super) fn require_net(&self, host: &str, port: u16) -> Result<()> {
        if covers_host(&self.own.grant("net"), host, port) {
            return self.require_not_denied(host, port);
        }
        Err(net_refused(host, port))
    }

    pub(super) fn require_not_denied(&self, host: &str, port: u16) -> Result<()> {
        if covers_host(&self.own.denial("net"), host, port) {
            return Err(net_refused(host, port));
        }
        Ok(())
    }

    pub(super) fn require_local(&self, name: &[u8]) -> Result<()> {
        let path = String::from_utf8_lossy(name);
        // No flag can name an abstract one.
        let granted = if name.starts_with(b"\0") {
            self.own.grant("net") == Grant::Everything && self.own.denial("net") == Grant::Nothing
        } else {
            self.covers_file(&path) && names_socket(&self.own.grant("net"), &path) && {
                let denied = self.own.denial("net");
                !names_socket(&denied, &path)
            }
        };
        if granted {
            return Ok(());
        }
        Err(local_refused(&path))
    }

    pub(super) fn require_real(&self, path: &Path) -> Result<()> {
        let text = path.to_string_lossy();
        let granted = !path.starts_with("/proc")
            && self.covers_file(&text)
            && !names_socket(&self.own.denial("net"), &text);
        if granted {
            return Ok(());
        }
        Err(local_refused(&text))
    }

    pub(super) fn require_file(&self, path: &str) -> Result<()> {
        if self.covers_file(path) {
            return Ok(());
        }
        Err(refused(format!("access to the file {path:?} is missing")))
    }

    fn covers_file(&self, path: &str) -> bool {
        PATH_NAMES
            .iter()
            .all(|name| self.own.covers_path(name, path))
    }
}

fn net_refused(host: &str, port: u16) -> Error {
    refused(format!("net access to \"{host}:{port}\" is missing"))
}

fn local_refused(path: &str) -> Error {
    refused(format!("access to the local socket {path:?} is missing"))
}

fn covers_host(grant: &Grant, host: &str, port: u16) -> bool {
    match grant {
        Grant::Nothing => false,
        Grant::Everything => true,
        Grant::Items(items) => items.iter().any(|item| matches_host(item, host, port)),
    }
}

/// Whether `--allow-net` means the UNIX socket: an item is its whole path.
fn names_socket(grant: &Grant, path: &str) -> bool {
    match grant {
        Grant::Nothing => false,
        Grant::Everything => true,
        Grant::Items(items) => items
            .iter()
            .any(|item| item.strip_prefix(UNIX).is_some_and(|own| own == path)),
    }
}

/// How an item of `--allow-net` begins that is no host.
pub(super) const UNIX: &str = "unix:";

/// Whether an item of `--allow-net` means the address: a host or `*.` and the end of one, a range
/// of addresses, with a port or without.
fn matches_host(item: &str, host: &str, port: u16) -> bool {
    if item.starts_with(UNIX) {
        return false;
    }
    let host = host.trim_start_matches('[').trim_end_matches(']');
    let host = host.strip_suffix('.').unwrap_or(host);
    let host_address = host.parse::<IpAddr>().ok();
    let with_port = format!(":{port}");
    let is_address = item.parse::<IpAddr>().is_ok();
    let item = match item.strip_suffix(&with_port) {
        Some(item) if !is_address => item,
        _ => item,
    };
    let item = item.trim_start_matches('[').trim_end_matches(']');
    if let (Some((network, bits)), Some(address)) = (item.split_once('/'), host_address) {
        let network = network.parse::<IpAddr>();
        let address = address.to_canonical();
        return network
            .is_ok_and(|network| is_within(address, network, bits.parse().unwrap_or(255)));
    }
    if let (Ok(item), Some(address)) = (item.parse::<IpAddr>(), host_address) {
        return item.to_canonical() == address.to_canonical();
    }
    match item.strip_prefix('*') {
        Some(end) => host
            .len()
            .checked_sub(end.len())
            .and_then(|at| host.get(at..))
            .is_some_and(|tail| tail.eq_ignore_ascii_case(end)),
        None => item.eq_ignore_ascii_case(host),
    }
}

fn is_within(address: IpAddr, network: IpAddr, bits: u32) -> bool {
    let (address, network, width) = match (address, network) {
        (IpAddr::V4(address), IpAddr::V4(network)) => (
            u128::from(address.to_bits()),
            u128::from(network.to_bits()),
            32,
        ),
        (IpAddr::V6(address), IpAddr::V6(network)) => (address.to_bits(), network.to_bits(), 128),
        _ => return false,
    };
    bits <= width && (address ^ network).checked_shr(width - bits).unwrap_or(0) == 0
}
