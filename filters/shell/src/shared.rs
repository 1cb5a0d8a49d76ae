//! What the workers of one proxy share, each changing it in turn.

use crate::hostcall::{self, Status};

/// How often to retry when another worker wrote first.
const TRIES: usize = 8;

/// Changes the bytes under `key`, which are `start` if no worker has written any, to what `change` makes of them; `None`
/// leaves them as they are. Whether that succeeded: not where workers share nothing, or if others were always faster.
pub(crate) fn update(key: &str, start: &[u8], change: &mut dyn FnMut(&[u8]) -> Option<Vec<u8>>) -> bool {
    for _ in 0..TRIES {
        let (before, version) = match hostcall::shared_data(key) {
            Ok(found) => found,
            Err(Status::NOT_FOUND) => {
                let _ = hostcall::begin_shared_data(key, start);
                continue;
            }
            Err(_) => return false,
        };
        let Some(after) = change(&before) else { return true };
        match hostcall::set_shared_data(key, &after, version) {
            Ok(()) => return true,
            Err(Status::CAS_MISMATCH) => {}
            Err(_) => return false,
        }
    }
    false
}
