//! Ranges of addresses.

use crate::refusal::{Place, Refusal};
use ipnet::{IpNet, Ipv4Net};
use std::net::{IpAddr, Ipv4Addr};

/// Ranges of addresses. An IPv4 address is the same one in its IPv6 form (`::ffff:10.0.0.7`).
#[derive(Clone, Debug)]
pub(super) struct AddressRanges(Vec<IpNet>);

/// The bits before an IPv4 address in its IPv6 form.
const MAPPED: u8 = 96;

impl AddressRanges {
    pub(super) fn compile(place: &Place<'_>, written: &[String]) -> Result<Self, Refusal> {
        if written.is_empty() {
            return Err(place.refuse("must not be empty"));
        }
        let range = |(index, text): (usize, &String)| range(text).map_err(|reason| place.index(index).refuse(reason));
        written.iter().enumerate().map(range).collect::<Result<_, _>>().map(Self)
    }

    pub(super) fn have(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        self.0.iter().any(|range| range.contains(&address))
    }
}

fn range(text: &str) -> Result<IpNet, String> {
    let none = || format!("`{text}` is neither an address nor a range such as 10.0.0.0/8");
    let Some((address, prefix)) = text.split_once('/') else {
        return Ok(IpNet::from(text.parse::<IpAddr>().map_err(|_| none())?.to_canonical()));
    };
    let address: IpAddr = address.parse().map_err(|_| none())?;
    let is_number = !prefix.is_empty() && prefix.bytes().all(|byte| byte.is_ascii_digit());
    let length: u8 = prefix.parse().ok().filter(|_| is_number).ok_or_else(none)?;
    let longest = if address.is_ipv4() { 32 } else { 128 };
    let range = IpNet::new(address, length)
        .map_err(|_| format!("`{text}` has a prefix of {length} bits, more than the {longest} of the address"))?;
    let network = range.trunc();
    if network != range {
        return Err(format!(
            "`{text}` has bits behind its prefix: write {network} for the network, {address} for the address"
        ));
    }
    Ok(as_ipv4(network).unwrap_or(network))
}

/// The range of IPv4 addresses that `range` is, if it is written in their IPv6 form.
fn as_ipv4(range: IpNet) -> Option<IpNet> {
    let IpNet::V6(range) = range else { return None };
    let first: Ipv4Addr = range.addr().to_ipv4_mapped()?;
    Ipv4Net::new(first, range.prefix_len().checked_sub(MAPPED)?).ok().map(IpNet::V4)
}
