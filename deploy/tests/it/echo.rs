//! The echo server: it says who it is and what it was asked, and counts.

use serde_json::{Value, json};
use serin::echo::EchoServer;
use serin::load::{Answer, Load, Tally};
use serin::manifests::Workload;
use std::collections::BTreeMap;
use std::net::SocketAddr;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

fn reviews() -> Workload {
    Workload {
        kind: "Deployment".into(),
        name: "reviews-v1".into(),
        namespace: "default".into(),
        replicas: 1,
        labels: BTreeMap::from([("version".into(), "v1".into())]),
        named_ports: BTreeMap::new(),
        answer: None,
        title: "reviews-v1".into(),
    }
}

async fn start() -> EchoServer {
    let workload = reviews();
    let pod = workload.pods().next().unwrap();
    EchoServer::start(&workload, pod).await.unwrap()
}

async fn raw(address: SocketAddr, request: &str) -> String {
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    answer
}

#[tokio::test]
async fn it_says_who_it_is_and_what_it_was_asked() {
    let echo = start().await;
    let request = "POST /orders?n=1 HTTP/1.1\r\nhost: reviews\r\nx-twice: a\r\nx-twice: b\r\nconnection: close\r\ncontent-length: 5\r\n\r\nhello";
    let answer = raw(echo.address(), request).await;
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    assert!(head.starts_with("HTTP/1.1 200 OK") && head.contains("x-echo-deployment: reviews-v1"), "{head}");
    let said: Value = serde_json::from_str(body).unwrap();
    assert_eq!(
        said,
        json!({
            "deployment": "reviews-v1",
            "replica": 0,
            "namespace": "default",
            "labels": {"version": "v1"},
            "method": "POST",
            "path": "/orders?n=1",
            "headers": [["host", "reviews"], ["x-twice", "a"], ["x-twice", "b"], ["connection", "close"], ["content-length", "5"]],
            "body_bytes": 5,
        })
    );
    assert_eq!(echo.arrivals(), 1);
}

#[tokio::test]
async fn it_says_what_its_workload_would_have_it_say() {
    let workload = Workload { answer: Some("42".into()), ..reviews() };
    let echo = EchoServer::start(&workload, workload.pods().next().unwrap()).await.unwrap();
    let answer = raw(echo.address(), "GET / HTTP/1.1\r\nhost: reviews\r\nconnection: close\r\n\r\n").await;
    assert!(answer.contains("x-echo-deployment: reviews-v1") && answer.ends_with("\r\n\r\n42"), "{answer}");
}

#[tokio::test]
async fn it_counts_and_stops_with_its_owner() {
    let echo = start().await;
    let address = echo.address();
    let load = Load {
        target: address,
        method: "GET".parse().unwrap(),
        path: "/".into(),
        host: "reviews".into(),
        headers: vec![],
        body: Default::default(),
        requests: 100,
        concurrency: 4,
    };
    let tally = load.clone().send(|_| {}).await;
    assert_eq!(tally, Tally::from([(Answer::From("reviews-v1".into()), 100)]));
    assert_eq!(echo.arrivals(), 100);

    drop(echo);
    tokio::task::yield_now().await;
    let tally = load.send(|_| {}).await;
    assert!(tally.keys().all(|answer| matches!(answer, Answer::None(_))), "{tally:?}");
    assert_eq!(tally.values().sum::<u64>(), 100);
}
