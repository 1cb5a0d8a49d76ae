//! What is under way when a real Envoy takes another configuration for the filter, or has to start its VM again.

use crate::backend::{Backend, Behaviour, Client, changed_envoy, metric, results, reviews};
use serde_json::{Value, json};
use serin_modules::Module;
use std::fs;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

/// Everything to v1, what is below /slow after a delay; all but that is copied to v2, and compared.
const RULES: &str = "
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: reviews}
spec:
  hosts: [reviews]
  http:
  - name: slow
    match: [{uri: {prefix: /slow}}]
    fault: {delay: {fixedDelay: 3s, percentage: {value: 100}}}
    route: [{destination: {host: reviews, subset: v1}}]
  - name: mirrored
    route: [{destination: {host: reviews, subset: v1}}]
    mirrors: [{destination: {host: reviews, subset: v2}}]
---
apiVersion: serin.dev/v1alpha1
kind: CanaryPolicy
metadata: {name: reviews}
spec:
  virtualService: reviews
  routes:
  - {route: mirrored, shadow: {delivery: callout, compare: {status: true, body: true}}}
";

fn manager(configuration: &mut Value) -> &mut Value {
    &mut configuration["static_resources"]["listeners"][0]["filter_chains"][0]["filters"][0]["typed_config"]
}

/// Has Envoy discover the configurations of Serin's filters (ECDS), as Istio's proxies do.
pub(crate) fn discovered(configuration: &mut Value, directory: &Path) {
    configuration["node"] = json!({"id": "test", "cluster": "test"});
    for filter in manager(configuration)["http_filters"].as_array_mut().unwrap() {
        let name = filter["name"].as_str().unwrap().to_owned();
        if name.starts_with("serin.") {
            write(directory, &name, filter["typed_config"].take());
            *filter = json!({"name": name, "config_discovery": {
                "config_source": {"path_config_source": {"path": file(directory, &name)}},
                "type_urls": ["type.googleapis.com/envoy.extensions.filters.http.wasm.v3.Wasm"]}});
        }
    }
}

fn file(directory: &Path, name: &str) -> PathBuf {
    directory.join(format!("{name}.json"))
}

fn write(directory: &Path, name: &str, configuration: Value) {
    let resource = json!({"resources": [{
        "@type": "type.googleapis.com/envoy.config.core.v3.TypedExtensionConfig",
        "name": name, "typed_config": configuration}]});
    // Envoy looks at files that are moved to their place.
    fs::write(directory.join("next"), resource.to_string()).unwrap();
    fs::rename(directory.join("next"), file(directory, name)).unwrap();
}

/// Changes the configuration of the filter `name`.
pub(crate) fn reconfigure(directory: &Path, name: &str, change: impl FnOnce(&mut Value)) {
    let written: Value = serde_json::from_slice(&fs::read(file(directory, name)).unwrap()).unwrap();
    let mut configuration = written["resources"][0]["typed_config"].clone();
    let text = &mut configuration["config"]["configuration"]["value"];
    let mut document: Value = serde_json::from_str(text.as_str().unwrap()).unwrap();
    change(&mut document);
    *text = document.to_string().into();
    write(directory, name, configuration);
}

/// Gives the filter another configuration, and waits until a request meets it: those for no rule are let pass then, to
/// wherever Envoy's own routes send them.
fn swap(directory: &Path, proxy: SocketAddr) {
    reconfigure(directory, "serin.canary", |document| {
        let rules = document["resources"].as_array_mut().unwrap();
        let service = rules.iter_mut().find(|resource| resource["kind"] == "VirtualService").unwrap();
        let swapped = json!({"match": [{"uri": {"exact": "/swapped"}}], "directResponse": {"status": 299}});
        service["spec"]["http"].as_array_mut().unwrap().insert(0, swapped);
    });
    let started = Instant::now();
    while Client::of(proxy).get("/swapped", &[]).status != 299 {
        assert!(started.elapsed() < Duration::from_secs(20), "the configuration is not taken");
        thread::sleep(Duration::from_millis(20));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn copies_that_are_on_their_way_at_a_swap_are_compared_and_counted() {
    let primary = Backend::start("v1", Behaviour::Status(200));
    let shadow = Backend::start("v2", Behaviour::After(Duration::from_secs(2)));
    let backends = [("v1", primary.address), ("v2", shadow.address)];
    let (envoy, proxy) =
        changed_envoy(&[Module::Canary], 1, &[&reviews(&["v1", "v2"]), RULES], &backends, discovered).await;
    let directory = envoy.directory();
    let probes = tokio::task::spawn_blocking(move || {
        for _ in 0..20 {
            assert_eq!(Client::of(proxy).get("/", &[]).by(), "v1");
        }
        swap(&directory, proxy);
        shadow.requests_of(20)
    });
    // Those that found the old configuration after the swap was written are copied as well.
    let copies = probes.await.unwrap() as u64;
    assert!(copies >= 20, "{copies}");
    assert_eq!(results(&envoy, copies).await, [("body_mismatch", copies)]);
    assert_eq!(metric(envoy.admin(), "serin_shadows_total", &[]), copies);
    envoy.stop().await;
}

/// Asks for what is delayed, and does something else meanwhile: the status, and after how long.
fn delayed(proxy: SocketAddr, meanwhile: impl FnOnce()) -> (u16, Duration) {
    thread::scope(|scope| {
        let held = scope.spawn(|| {
            let started = Instant::now();
            (Client::of(proxy).get("/slow", &[]).status, started.elapsed())
        });
        thread::sleep(Duration::from_millis(300));
        meanwhile();
        held.join().unwrap()
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_that_is_delayed_goes_on_in_time_after_a_swap() {
    let primary = Backend::start("v1", Behaviour::Status(200));
    let backends = [("v1", primary.address), ("v2", primary.address)];
    let (envoy, proxy) =
        changed_envoy(&[Module::Canary], 1, &[&reviews(&["v1", "v2"]), RULES], &backends, discovered).await;
    let directory = envoy.directory();
    let (status, after) =
        tokio::task::spawn_blocking(move || delayed(proxy, || swap(&directory, proxy))).await.unwrap();
    assert_eq!(status, 200);
    assert!((3.0..4.5).contains(&after.as_secs_f64()), "{after:?}");
    envoy.stop().await;
}

/// The module, which traps at the trailers of a request: the export that is called then is the function of another callback,
/// which panics for a stream.
fn trapping(mut module: Vec<u8>) -> Vec<u8> {
    const OF_TRAILERS: &[u8] = b"proxy_on_request_trailers";
    const OF_START: &[u8] = b"proxy_on_vm_start";
    // Behind the name stand the kind of the export and the function's number, in two bytes of LEB128.
    let number = |module: &[u8], name: &[u8]| {
        let found: Vec<usize> = (0..module.len() - name.len()).filter(|at| module[*at..].starts_with(name)).collect();
        let [at] = found[..] else { panic!("an export and nothing else has this name: {found:?}") };
        let at = at + name.len();
        assert!(module[at] == 0 && module[at + 1] >= 128 && module[at + 2] < 128, "a function's number of two bytes");
        at + 1
    };
    let (to, from) = (number(&module, OF_TRAILERS), number(&module, OF_START));
    module.copy_within(from..from + 2, to);
    module
}

fn send_trailers(proxy: SocketAddr) {
    let mut stream = TcpStream::connect(proxy).unwrap();
    let request = "POST / HTTP/1.1\r\nhost: reviews:9080\r\nconnection: close\r\ntransfer-encoding: chunked\r\n\r\n\
                   1\r\nx\r\n0\r\nx-checksum: 1\r\n\r\n";
    stream.write_all(request.as_bytes()).unwrap();
    let _ = stream.read_to_end(&mut Vec::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_that_is_delayed_ends_by_envoys_timeout_if_its_vm_is_lost() {
    let primary = Backend::start("v1", Behaviour::Status(200));
    let backends = [("v1", primary.address), ("v2", primary.address)];
    let change = |configuration: &mut Value, directory: &Path| {
        let manager = manager(configuration);
        // As rendered it is five minutes and more.
        manager["stream_idle_timeout"] = json!("5s");
        manager["http_protocol_options"] = json!({"enable_trailers": true});
        fs::write(directory.join("canary.wasm"), trapping(Module::Canary.bytes().to_vec())).unwrap();
    };
    let (envoy, proxy) =
        changed_envoy(&[Module::Canary], 1, &[&reviews(&["v1", "v2"]), RULES], &backends, change).await;
    let asked = tokio::task::spawn_blocking(move || {
        let (status, after) = delayed(proxy, || send_trailers(proxy));
        let again = delayed(proxy, || ());
        (status, after, again)
    });
    let (status, after, again) = asked.await.unwrap();
    assert!(envoy.log().contains("proxy_on_request_trailers failed"), "{}", envoy.log());
    assert!((500..505).contains(&status), "{status}");
    // Envoy's timers are as exact as a millisecond.
    assert!((4.9..7.0).contains(&after.as_secs_f64()), "{after:?}");
    let (status, after) = again;
    assert!(
        status == 200 && (3.0..4.5).contains(&after.as_secs_f64()),
        "the VM that was started then: {status}, {after:?}"
    );
    envoy.stop().await;
}
