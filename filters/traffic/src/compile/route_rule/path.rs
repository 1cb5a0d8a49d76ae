//! Where in a RouteRule stands what the compiler of rules found in the rule that it was lowered to.

/// Fields of a VirtualService's rule, and the fields of a RouteRule that they come from; longer ones first.
const FIELDS: [(&str, &str); 15] = [
    (".match[0].uri", ".match.request.headers.uri"),
    (".match[0].scheme", ".match.request.headers.scheme"),
    (".match[0].method", ".match.request.headers.method"),
    (".match[0].authority", ".match.request.headers.authority"),
    (".match[0].headers", ".match.request.headers"),
    (".timeout", ".httpReqTimeout.simpleTimeout.timeout"),
    (".retries", ".httpReqRetries.simpleRetry"),
    (".fault.delay.percentage.value", ".httpFault.delay.percent"),
    (".fault.abort.percentage.value", ".httpFault.abort.percent"),
    (".fault", ".httpFault"),
    (".headers.request.add", ".appendHeaders"),
    (".mirror.host", ".mirror"),
    (".mirror.subset", ".mirror.labels"),
    (".destination.host", ".destination"),
    (".destination.subset", ".labels"),
];

/// The path in the RouteRule at `spec` of what stands at `path` in the rule that it was lowered to.
pub(super) fn as_written(path: &str, spec: &str) -> String {
    let Some(below) = path.strip_prefix(spec) else {
        return path.to_owned();
    };
    let (entry, field) = match below.find(']').filter(|_| below.starts_with(".route[")) {
        Some(end) => below.split_at_checked(end + 1).unwrap_or((below, "")),
        None => ("", below),
    };
    let renamed = FIELDS.iter().find_map(|(lowered, written)| Some((field.strip_prefix(lowered)?, written)));
    match renamed {
        Some((rest, written)) => format!("{spec}{entry}{written}{rest}"),
        None => path.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wasm_test::test;

    #[test]
    fn a_path_is_that_of_the_route_rule() {
        for (lowered, written) in [
            (".match[0].headers.cookie.regex", ".match.request.headers.cookie.regex"),
            (".match[0].uri.regex", ".match.request.headers.uri.regex"),
            (".timeout", ".httpReqTimeout.simpleTimeout.timeout"),
            (".retries.perTryTimeout", ".httpReqRetries.simpleRetry.perTryTimeout"),
            (".fault.abort.httpStatus", ".httpFault.abort.httpStatus"),
            (".fault.delay.percentage.value", ".httpFault.delay.percent"),
            (".headers.request.add.x-a", ".appendHeaders.x-a"),
            (".route[1].destination.host", ".route[1].destination"),
            (".route[0].weight", ".route[0].weight"),
            (".redirect.uri", ".redirect.uri"),
        ] {
            let spec = "resources[3].spec";
            assert_eq!(as_written(&format!("{spec}{lowered}"), spec), format!("{spec}{written}"));
        }
        assert_eq!(as_written("port", "resources[3].spec"), "port");
    }
}
