//! Messages that cannot be read, in the middle of a stream: the framework answers one that is
//! too large with `OUT_OF_RANGE`, which in the contract means a cursor.

use tenure::v1;
use tonic::{Code, Status};

use super::Fault;

/// How the framework's message begins when a message is larger than the limit.
const TOO_LARGE: &str = "Error, decoded message length too large";
/// The same for one that is larger once decompressed.
const TOO_LARGE_DECOMPRESSED: &str = "Error decompressing: size limit";

/// The contract's status in place of the framework's, for a message that is too large; any
/// other status as it is.
#[must_use]
pub fn rejected(status: Status) -> Status {
    let message = status.message();
    let too_large = match status.code() {
        Code::OutOfRange => message.starts_with(TOO_LARGE),
        Code::ResourceExhausted => message.starts_with(TOO_LARGE_DECOMPRESSED),
        _ => false,
    };
    if !too_large {
        return status;
    }
    let message = "the message is larger than the server accepts; GetServerInfo tells the limit";
    Fault::new(v1::ErrorReason::MessageTooLarge, message).into_status()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_over_the_limit_is_too_large() {
        for framework in [
            Status::out_of_range(format!("{TOO_LARGE}: found 5 bytes")),
            Status::resource_exhausted(format!("{TOO_LARGE_DECOMPRESSED}, of 5")),
        ] {
            let status = rejected(framework);
            assert_eq!(status.code(), Code::ResourceExhausted);
            assert!(!status.details().is_empty());
        }
    }

    #[test]
    fn any_other_status_stays_as_it_is() {
        for status in [Status::out_of_range("compacted"), Status::cancelled("gone")] {
            let code = status.code();
            let after = rejected(status);
            assert_eq!((after.code(), after.details().len()), (code, 0));
        }
    }
}
