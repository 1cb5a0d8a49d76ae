use super::*;
use crate::wasm_test::test;
use std::collections::BTreeMap;

/// What is known: headers of the request and of the answer, and attributes, by their names with dots between.
#[derive(Default)]
struct Known {
    request: BTreeMap<&'static str, &'static [u8]>,
    response: BTreeMap<&'static str, &'static [u8]>,
    attributes: BTreeMap<&'static str, Vec<u8>>,
    cluster: Option<&'static str>,
}

impl Facts for Known {
    fn request_header(&self, name: &str) -> Option<Vec<u8>> {
        self.request.get(name).map(|value| value.to_vec())
    }

    fn response_header(&self, name: &str) -> Option<Vec<u8>> {
        self.response.get(name).map(|value| value.to_vec())
    }

    fn attribute(&self, path: &[&str]) -> Option<Vec<u8>> {
        self.attributes.get(path.join(" ").as_str()).cloned()
    }

    fn cluster(&self) -> Option<String> {
        self.cluster.map(str::to_owned)
    }

    fn now(&self) -> u64 {
        1_795_771_655_033_338_000
    }
}

fn number(number: i64) -> Vec<u8> {
    number.to_le_bytes().to_vec()
}

fn known() -> Known {
    let attributes = [
        ("request protocol", b"HTTP/1.1".to_vec()),
        ("request id", b"4db314e4-7f25-4348-8411-35d4f888cff6".to_vec()),
        ("request time", number(1_795_771_655_033_338_000)),
        ("connection id", number(7)),
        ("source address", b"10.1.2.3:43312".to_vec()),
        ("destination address", b"[2001:db8::1]:9080".to_vec()),
        ("upstream address", b"127.0.0.1:36331".to_vec()),
        ("upstream transport_failure_reason", b"TLS error:\tno peer".to_vec()),
        ("upstream request_attempt_count", number(2)),
        ("response code", number(503)),
        ("response code_details", b"via_upstream".to_vec()),
        ("metadata filter_metadata ns text", b"dynk".to_vec()),
        ("metadata filter_metadata ns seven", 7f64.to_le_bytes().to_vec()),
        ("metadata filter_metadata ns half", 1.5f64.to_le_bytes().to_vec()),
        ("metadata filter_metadata ns yes", vec![1]),
        ("metadata filter_metadata ns list", b"\x01\0\0\0\x01\0\0\0\0\0\0\0a\0\0".to_vec()),
        ("metadata filter_metadata ns map key", b"deep".to_vec()),
        ("filter_state fs", b"fsv".to_vec()),
        ("filter_state serin.format.HOSTNAME", b"vm".to_vec()),
        ("filter_state serin.format.ENVIRONMENT(HOME)", b"/root".to_vec()),
    ];
    let request: [(&str, &[u8]); 6] = [
        (":path", b"/p/a?q=1%20&r=2&bad=%0d%0a&q=3"),
        (":method", b"GET"),
        (":authority", b"a.example"),
        ("x-a", b"AAA"),
        ("x-empty", b""),
        ("x-bytes", b"\xff\xe9"),
    ];
    Known {
        request: request.into(),
        response: [("x-up", &b"u1"[..]), (":status", b"503")].into(),
        attributes: attributes.into(),
        cluster: Some("outbound|80||a"),
    }
}

fn compiled(text: &str, for_response: bool) -> Result<Format, String> {
    let place = Place::root("x");
    Format::compile(&place, text, for_response).map_err(|refusal| refusal.to_string())
}

#[track_caller]
fn value(text: &str) -> String {
    let format = compiled(text, true).unwrap_or_else(|refusal| panic!("{text}: {refusal}"));
    String::from_utf8(format.value(&known())).expect("it is text")
}

/// As Envoy 1.40 evaluated them in `request_headers_to_add` and `response_headers_to_add`.
#[test]
fn operators_say_what_envoy_says() {
    for (text, expected) in [
        ("plain", "plain"),
        ("", ""),
        ("100%%", "100%"),
        ("%%REQ(x-a)%%", "%REQ(x-a)%"),
        ("%%%PROTOCOL%%%", "%HTTP/1.1%"),
        ("%REQ(x-a)%", "AAA"),
        ("%REQ(X-A)%", "AAA"),
        ("a%REQ(missing)%b", "ab"),
        ("%REQ(missing)%%REQ(missing2)%", ""),
        ("%REQ(missing?x-a)%", "AAA"),
        ("%REQ(x-empty?x-a)%", ""),
        ("%REQ(x-a?)%", "AAA"),
        ("%REQ(?x-a)%", "AAA"),
        ("%REQ(host)% %REQ(:AUTHORITY)% %REQ(:METHOD)%", "a.example a.example GET"),
        ("%REQ(:foo)%", ""),
        ("%RESP(x-up)% %RESP(:status)% %RESP(nope)%", "u1 503 "),
        ("%REQUEST_HEADER(x-a)% %RESPONSE_HEADER(x-up)%", "AAA u1"),
        ("%PATH(NQ)% %PATH(NQ:PATH)%", "/p/a /p/a"),
        ("%PATH(WQ:ORIG)%", ""),
        ("%QUERY_PARAM(q)%|%QUERY_PARAM(zz)%", "1 |"),
        ("%QUERY_PARAMS%", "q=1%20&r=2&bad=%0d%0a&q=3"),
        ("%PROTOCOL%", "HTTP/1.1"),
        ("%START_TIME%", "2026-11-27T09:27:35.033Z"),
        ("%START_TIME(%s.%3f)%", "1795771655.033"),
        ("%EMIT_TIME(%F)%", "2026-11-27"),
        ("%DOWNSTREAM_REMOTE_ADDRESS%", "10.1.2.3:43312"),
        ("%DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT%", "10.1.2.3"),
        ("%DOWNSTREAM_REMOTE_PORT%", "43312"),
        ("%DOWNSTREAM_LOCAL_ADDRESS%", "[2001:db8::1]:9080"),
        ("%DOWNSTREAM_LOCAL_ADDRESS_WITHOUT_PORT%", "2001:db8::1"),
        ("%DOWNSTREAM_LOCAL_PORT%", "9080"),
        ("%UPSTREAM_HOST% %UPSTREAM_REMOTE_PORT%", "127.0.0.1:36331 36331"),
        ("%UPSTREAM_LOCAL_ADDRESS%", ""),
        ("%UPSTREAM_CLUSTER%", "outbound|80||a"),
        ("%UPSTREAM_TRANSPORT_FAILURE_REASON%", "TLS_error:_no_peer"),
        ("%UPSTREAM_REQUEST_ATTEMPT_COUNT%", "2"),
        ("%RESPONSE_CODE% %RESPONSE_CODE_DETAILS%", "503 via_upstream"),
        ("%CONNECTION_ID% %STREAM_ID%", "7 4db314e4-7f25-4348-8411-35d4f888cff6"),
        ("%DYNAMIC_METADATA(ns:text)% %DYNAMIC_METADATA([\"ns\", \"text\"])%", "dynk dynk"),
        ("%DYNAMIC_METADATA(ns:seven)% %DYNAMIC_METADATA(ns:half)% %DYNAMIC_METADATA(ns:yes)%", "7 1.5 true"),
        ("%DYNAMIC_METADATA(ns:map:key)% %DYNAMIC_METADATA(ns:none)%", "deep "),
        ("%DYNAMIC_METADATA(ns:list)%", ""),
        ("%FILTER_STATE(fs:PLAIN)% %PER_REQUEST_STATE(fs)% %FILTER_STATE(none:PLAIN)%", "fsv fsv "),
        ("%HOSTNAME% %ENVIRONMENT(HOME)% %DOWNSTREAM_TLS_CIPHER%", "vm /root "),
    ] {
        assert_eq!(value(text), expected, "{text}");
    }
    assert_eq!(compiled("%REQ(x-bytes)%", false).unwrap().value(&known()), b"\xff\xe9");
}

#[test]
fn before_an_answer_its_status_is_0_and_one_try_was_made() {
    let format = compiled("%RESPONSE_CODE% %UPSTREAM_REQUEST_ATTEMPT_COUNT%%UPSTREAM_HOST%", false).unwrap();
    assert_eq!(format.value(&Known::default()), b"0 1");
}

#[test]
fn what_cannot_be_in_a_header_is_left_out() {
    assert_eq!(value("<%QUERY_PARAM(bad)%>"), "<>");
}

#[test]
fn what_the_request_says_is_kept_for_the_answer() {
    let format = compiled("%REQ(x-a)% %RESP(x-up)% %UPSTREAM_CLUSTER%", true).unwrap().of_request(&known());
    assert!(!format.asks_request());
    assert_eq!(format.value(&Known { request: BTreeMap::new(), cluster: None, ..known() }), b"AAA u1 outbound|80||a");
}

#[test]
fn what_envoy_has_to_leave_in_the_filter_state_is_named() {
    let format = compiled("%HOSTNAME%-%REQ(x-a)%-%ENVIRONMENT(HOME)%", false).unwrap();
    assert_eq!(format.given().collect::<Vec<_>>(), ["%HOSTNAME%", "%ENVIRONMENT(HOME)%"]);
    assert_eq!(given_key("%HOSTNAME%"), "serin.format.HOSTNAME");
    assert_eq!(given_key("%START_TIME_LOCAL(%s)%"), "serin.format.START_TIME_LOCAL(%s)");
}

/// Of Istio's `TestValidateHTTPHeaderValue`, and what Envoy 1.40 refuses.
#[test]
fn what_istio_or_envoy_refuses_is_refused() {
    for text in [
        "100%",
        "abc%123",
        "%START_TIME%%",
        "%FOO%",
        "%req(x-a)%",
        "% PROTOCOL%",
        "%PROTOCOL %",
        "%PROTOCOL(x)%",
        "%PROTOCOL:3%",
        "%REQ%",
        "%REQ()%",
        "%REQ(x-a)",
        "%REQ( x-a)%",
        "%REQ(x-a )%",
        "%REQ(bad name)%",
        "%REQ(a?b?c)%",
        "%REQ(x-a) %",
        "%REQ(x-a):10%",
        "%REQ(x\\)%",
        "%PATH()%",
        "%PATH(RAW)%",
        "%START_TIME()%",
        "%START_TIME(%n)%",
        "%DYNAMIC_METADATA()%",
        "%DYNAMIC_METADATA([\"ns\",\"k\")%",
        "%FILTER_STATE(:PLAIN)%",
        "%RESPONSE_DURATION%",
        "%TRAILER(x)%",
        "\u{1}",
        "a\nb",
    ] {
        assert!(compiled(text, true).is_err(), "{text}");
    }
    let many = "%PROTOCOL%".repeat(33);
    assert_eq!(compiled(&many, true).unwrap_err(), "x: 33 operators are more than 32");
}

#[test]
fn what_istio_and_envoy_take_is_taken() {
    for text in
        ["foo", "%HOSTNAME%", "100%%", "prefix %HOSTNAME% suffix", "%DYNAMIC_METADATA(com.test.my_filter)%", "\t"]
    {
        assert!(compiled(text, true).is_ok(), "{text}");
    }
    assert!(compiled("%DOWNSTREAM_PEER_CERT_V_END(%b %d %H:%M:%S %Y %Z)%", true).is_ok());
}
