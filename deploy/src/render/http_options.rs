//! A cluster's options for HTTP.

use serde_json::{Value, json};

/// The options of `cluster`: HTTP/1.1 unless they are changed.
pub(crate) fn http_options(cluster: &mut Value) -> &mut Value {
    const OPTIONS: &str = "envoy.extensions.upstreams.http.v3.HttpProtocolOptions";
    let extensions = &mut cluster["typed_extension_protocol_options"];
    if extensions.is_null() {
        *extensions = json!({OPTIONS: {
            "@type": format!("type.googleapis.com/{OPTIONS}"),
            "explicit_http_config": {"http_protocol_options": {}},
        }});
    }
    &mut extensions[OPTIONS]
}

/// Makes a cluster speak HTTP/2.
pub(crate) fn speak_http2(cluster: &mut Value) {
    http_options(cluster)["explicit_http_config"] = json!({"http2_protocol_options": {}});
}
