//! Attributes, and the filter state that the filters of one stream share.

use crate::guests::{guest, messages};
use host_test::{Filter, Proxy, get, response};

/// Says the property `path` at the request and at the response; segments are parted by `.`.
fn reading(path: &str) -> Filter {
    let (text, len) = (path.replace('.', "\\00"), path.len());
    guest(&format!(
        r#"
        (data (i32.const 0) "{text}")
        (func $read (call $tell (call $get_property (i32.const 0) (i32.const {len}) (i32.const 4096) (i32.const 4100))))
        (func (export "proxy_on_request_headers") (param i32 i32 i32) (result i32) (call $read) (call $say_result) (i32.const 0))
        (func (export "proxy_on_response_headers") (param i32 i32 i32) (result i32) (call $read) (i32.const 0))"#
    ))
}

/// Writes `yes` under the property `name`.
fn writing(name: &str) -> Filter {
    let len = name.len();
    guest(&format!(
        r#"
        (data (i32.const 0) "{name}") (data (i32.const 64) "yes")
        (func (export "proxy_on_request_headers") (param i32 i32 i32) (result i32)
            (call $tell (call $set_property (i32.const 0) (i32.const {len}) (i32.const 64) (i32.const 3)))
            (i32.const 0))
        (func (export "proxy_on_configure") (param i32 i32) (result i32)
            (call $tell (call $set_property (i32.const 0) (i32.const {len}) (i32.const 64) (i32.const 3)))
            (i32.const 1))"#
    ))
}

#[test]
fn a_later_filter_reads_what_an_earlier_one_wrote() {
    let mut proxy = Proxy::of([writing("serin-route"), reading("serin-route")]).start();
    let exchange = proxy.send(get("/"));
    assert_eq!(messages(exchange.log()), ["00", "00", "yes"]);
    assert_eq!(exchange.filter_state("serin-route"), Some(&b"yes"[..]));
    assert_eq!(messages(&proxy.log())[0], "01", "a plugin context has no filter state");
}

#[test]
fn filter_state_belongs_to_one_stream() {
    let mut proxy = Proxy::of([reading("mine"), writing("mine")]).start();
    proxy.send(get("/"));
    assert_eq!(messages(proxy.send(get("/")).log())[0], "01");
}

#[test]
fn filter_state_has_its_whole_key_behind_filter_state() {
    let mut proxy = Proxy::of([writing("a"), guest(WHOLE_KEY)]).start();
    assert_eq!(messages(proxy.send(get("/")).log()), ["00", "00", "yes"]);
}

const WHOLE_KEY: &str = r#"
    (data (i32.const 0) "filter_state\00wasm.a")
    (func (export "proxy_on_request_headers") (param i32 i32 i32) (result i32)
        (call $tell (call $get_property (i32.const 0) (i32.const 19) (i32.const 4096) (i32.const 4100)))
        (call $say_result) (i32.const 0))"#;

#[test]
fn what_is_of_the_request_is_gone_while_the_response_passes() {
    for (path, value) in [
        ("request.path", "/a?b=c"),
        ("request.url_path", "/a"),
        ("request.query", "b=c"),
        ("request.host", "reviews:9080"),
        ("request.method", "GET"),
        ("request.headers.end-user", "jason"),
    ] {
        let mut proxy = Proxy::of([reading(path)]).start();
        let mut exchange = proxy.send(get("http://reviews:9080/a?b=c").header("end-user", "jason"));
        proxy.respond(&mut exchange, response(200));
        assert_eq!(messages(exchange.log()), ["00", value, "01"], "{path}");
    }
}

#[test]
fn a_response_says_where_it_comes_from() {
    for (answer, said) in
        [(response(200), "via_upstream"), (response(503).details("no_healthy_upstream"), "no_healthy_upstream")]
    {
        let mut proxy = Proxy::of([reading("response.code_details")]).start();
        let mut exchange = proxy.send(get("/"));
        proxy.respond(&mut exchange, answer);
        assert_eq!(messages(exchange.log()).last(), Some(&"00"), "the filter reads it");
        assert_eq!(proxy.finish(exchange).response().map(|response| response.details.as_str()), Some(said));
    }
}

#[test]
fn numbers_are_eight_bytes_little_endian() {
    let mut proxy = Proxy::of([reading("destination.port")]).start();
    let exchange = proxy.send(get("/").property(["destination", "port"], 0x41i64));
    assert_eq!(messages(exchange.log())[1], "A\0\0\0\0\0\0\0");
    assert_eq!(messages(proxy.send(get("http://a:66/")).log())[1], "B\0\0\0\0\0\0\0");
}

#[test]
fn the_node_can_be_read_by_path_and_as_a_map() {
    let node = |filter: Filter| {
        Proxy::of([filter]).property(["xds", "node", "metadata", "NAMESPACE"], "default").start().send(get("/"))
    };
    assert_eq!(messages(node(reading("xds.node.metadata.NAMESPACE")).log()), ["00", "default"]);
    let map = String::from_utf8(host_test::pairs::encode(&[("NAMESPACE", "default")])).expect("text");
    assert_eq!(messages(node(reading("xds.node.metadata")).log()), ["00", &map]);
}

#[test]
fn a_plug_in_knows_its_own_name_and_nobody_knows_what_is_not_there() {
    let filter = reading("plugin_name").named("router");
    assert_eq!(messages(Proxy::of([filter]).start().send(get("/")).log()), ["00", "router"]);
    assert_eq!(messages(Proxy::of([reading("node.id")]).start().send(get("/")).log())[0], "01");
    assert_eq!(messages(Proxy::of([reading("request")]).start().send(get("/")).log())[0], "03");
}
