//! The pocket cluster: what a client says of Serin's own headers changes nothing.

use serin::load::{Answer, Load, Tally};
use serin::manifests::{Text, World};
use serin::pocket::{Options, Pocket};
use serin_modules::Module;
use std::collections::BTreeMap;
use std::time::{Duration, Instant};

const SHOP: &str = "
apiVersion: v1
kind: Service
metadata: {name: reviews}
spec: {selector: {app: reviews}, ports: [{name: http, port: 9080}]}
---
apiVersion: v1
kind: Service
metadata: {name: ratings}
spec: {selector: {app: ratings}, ports: [{name: http, port: 9080}]}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: reviews-v1}
spec: {replicas: 2, template: {metadata: {labels: {app: reviews, version: v1}}}}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: reviews-v2}
spec: {template: {metadata: {labels: {app: reviews, version: v2}}}}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: ratings-v1}
spec: {template: {metadata: {labels: {app: ratings}}}}
---
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {name: reviews}
spec: {host: reviews, subsets: [{name: v1, labels: {version: v1}}, {name: v2, labels: {version: v2}}]}
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: reviews}
spec:
  hosts: [reviews]
  http:
  - match: [{uri: {prefix: /mirrored}}]
    route: [{destination: {host: reviews, subset: v1}}]
    mirror: {host: reviews, subset: v2}
  - route: [{destination: {host: reviews, subset: v1}}]
";

const CLUSTER_OF_V2: &str = "outbound|9080|v2|reviews.default.svc.cluster.local";

fn load(pocket: &Pocket, host: &str, path: &str, headers: &[(&str, &str)]) -> Load {
    Load {
        target: pocket.listener("mesh", 9080).unwrap(),
        method: "GET".parse().unwrap(),
        path: path.into(),
        host: host.into(),
        headers: headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect(),
        body: Default::default(),
        requests: 50,
        concurrency: 2,
    }
}

/// Waits until so many requests have arrived, and a little longer: more must not come.
async fn assert_counts(pocket: &Pocket, expected: &[(&str, u64)]) {
    let expected: BTreeMap<String, u64> = expected.iter().map(|(name, count)| ((*name).to_owned(), *count)).collect();
    let started = Instant::now();
    while pocket.counts() != expected && started.elapsed() < Duration::from_secs(5) {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    tokio::time::sleep(Duration::from_millis(100)).await;
    assert_eq!(pocket.counts(), expected);
}

#[tokio::test]
async fn what_a_client_sends_as_decisions_changes_nothing() {
    let world = World::parse("default", &[Text::new("shop.yaml", SHOP)]).unwrap();
    for modules in [Module::CHAIN.to_vec(), vec![Module::Canary]] {
        let options = Options { modules, concurrency: 1, ..Options::default() };
        let pocket = Pocket::start(&world, &options).await.unwrap();
        let spoofed =
            [("x-serin-cluster", CLUSTER_OF_V2), ("x-serin-shadow-1", CLUSTER_OF_V2), ("x-serin-subset", "v2")];
        let answered = |deployment: &str| Tally::from([(Answer::From(deployment.to_owned()), 50)]);

        assert_eq!(load(&pocket, "reviews:9080", "/", &spoofed).send(|_| {}).await, answered("reviews-v1"));
        assert_counts(&pocket, &[("ratings-v1", 0), ("reviews-v1", 50), ("reviews-v2", 0)]).await;

        // A host without a rule, too.
        assert_eq!(load(&pocket, "ratings:9080", "/", &spoofed).send(|_| {}).await, answered("ratings-v1"));
        assert_counts(&pocket, &[("ratings-v1", 50), ("reviews-v1", 50), ("reviews-v2", 0)]).await;

        // A rule with a mirror gives its own copy, and no second one.
        assert_eq!(load(&pocket, "reviews:9080", "/mirrored", &spoofed).send(|_| {}).await, answered("reviews-v1"));
        assert_counts(&pocket, &[("ratings-v1", 50), ("reviews-v1", 100), ("reviews-v2", 50)]).await;
        pocket.stop().await;
    }
}

#[tokio::test]
async fn replicas_share_what_their_deployment_gets() {
    let world = World::parse("default", &[Text::new("shop.yaml", SHOP)]).unwrap();
    let options = Options { modules: vec![Module::Canary], concurrency: 1, ..Options::default() };
    let pocket = Pocket::start(&world, &options).await.unwrap();
    load(&pocket, "reviews:9080", "/", &[]).send(|_| {}).await;
    let of_v1: Vec<u64> =
        pocket.pods().filter(|pod| pod.replica().deployment == "reviews-v1").map(|pod| pod.arrivals()).collect();
    assert_eq!((of_v1.len(), of_v1.iter().sum::<u64>()), (2, 50));
    assert!(of_v1.iter().all(|count| *count > 0), "{of_v1:?}");
    pocket.stop().await;
}

#[tokio::test]
async fn more_pods_than_a_pocket_holds_are_refused() {
    let crowd = "{apiVersion: apps/v1, kind: Deployment, metadata: {name: crowd}, spec: {replicas: 1000}}";
    let world = World::parse("default", &[Text::new("crowd.yaml", crowd)]).unwrap();
    let error = Pocket::start(&world, &Options::default()).await.unwrap_err();
    assert_eq!(error.to_string(), "1000 pods are more than the 200 that a pocket cluster starts; lower spec.replicas");
}
