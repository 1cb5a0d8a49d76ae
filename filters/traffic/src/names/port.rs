//! Numbers of ports.

use crate::refusal::{Place, Refusal};

/// The number of a port, written at `place`.
pub(crate) fn port_number(place: &Place<'_>, port: u32) -> Result<u16, Refusal> {
    u16::try_from(port)
        .ok()
        .filter(|port| *port > 0)
        .ok_or_else(|| place.refuse(format!("{port} is not a port: ports are from 1 to 65535")))
}
