//! The pocket cluster: who answers in it.

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
        pocket.pods().filter(|pod| pod.replica().workload == "reviews-v1").map(|pod| pod.arrivals()).collect();
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

fn from(pocket: &Pocket, gateway: &str, port: u16, host: &str, path: &str) -> Load {
    Load { target: pocket.listener(gateway, port).unwrap(), ..load_of(host, path) }
}

fn load_of(host: &str, path: &str) -> Load {
    Load {
        target: ([127, 0, 0, 1], 1).into(),
        method: "GET".parse().unwrap(),
        path: path.into(),
        host: host.into(),
        headers: Vec::new(),
        body: Default::default(),
        requests: 20,
        concurrency: 2,
    }
}

async fn pocket_of(text: &str) -> Pocket {
    let world = World::parse("default", &[Text::new("all.yaml", text)]).unwrap_or_else(|mistakes| panic!("{mistakes}"));
    Pocket::start(&world, &Options { modules: vec![Module::Canary], concurrency: 1, ..Options::default() })
        .await
        .unwrap()
}

#[tokio::test]
async fn pods_of_a_stateful_set_belong_to_their_service() {
    let pocket = pocket_of(
        "{apiVersion: v1, kind: Service, metadata: {name: db}, spec: {selector: {app: db}, ports: [{name: http, port: 80}]}}\n---\n\
         {apiVersion: apps/v1, kind: StatefulSet, metadata: {name: db}, \
          spec: {replicas: 2, template: {metadata: {labels: {app: db}}}}}\n",
    )
    .await;
    assert!(pocket.warnings().is_empty(), "{:?}", pocket.warnings());
    let answers = from(&pocket, "mesh", 80, "db", "/").send(|_| {}).await;
    assert_eq!(answers, Tally::from([(Answer::From("db".to_owned()), 20)]));
    assert_eq!(pocket.pods().count(), 2);
    pocket.stop().await;
}

/// https://github.com/istio/istio/issues/53507
const MIRRORED_OUTSIDE: &str = "
{apiVersion: v1, kind: Service, metadata: {name: prod}, spec: {selector: {app: prod}, ports: [{name: http, port: 8080}]}}
---
{apiVersion: apps/v1, kind: Deployment, metadata: {name: blue}, spec: {template: {metadata: {labels: {app: prod, version: blue}}}}}
---
{apiVersion: apps/v1, kind: Deployment, metadata: {name: green}, spec: {template: {metadata: {labels: {app: prod, version: green}}}}}
---
apiVersion: networking.istio.io/v1beta1
kind: Gateway
metadata: {name: gw}
spec: {servers: [{port: {number: 80, name: http, protocol: HTTP}, hosts: ['*']}]}
---
apiVersion: networking.istio.io/v1beta1
kind: DestinationRule
metadata: {name: prod}
spec: {host: prod, subsets: [{name: BLUE, labels: {version: blue}}, {name: GREEN, labels: {version: green}}]}
---
apiVersion: networking.istio.io/v1beta1
kind: ServiceEntry
metadata: {name: alb}
spec: {hosts: [alb.example], ports: [{number: 8080, name: http, protocol: HTTP}], resolution: DNS}
---
apiVersion: networking.istio.io/v1beta1
kind: VirtualService
metadata: {name: prod}
spec:
  gateways: [default/gw]
  hosts: [prod.example]
  http:
  - match: [{uri: {exact: /}}]
    route: [{destination: {host: prod, subset: GREEN}}]
  - mirror: {host: alb.example}
    mirrorPercentage: {value: 100}
    route: [{destination: {host: prod, subset: BLUE}, weight: 100}, {destination: {host: prod, subset: GREEN}, weight: 0}]
";

#[tokio::test]
async fn an_echo_server_stands_in_for_a_host_outside() {
    let pocket = pocket_of(MIRRORED_OUTSIDE).await;
    let said: Vec<String> = pocket.warnings().iter().map(ToString::to_string).collect();
    assert_eq!(
        said,
        [
            "all.yaml: ServiceEntry default/alb: an echo server of ours stands in for alb.example: nothing outside is contacted"
        ]
    );
    let by = |name: &str| Tally::from([(Answer::From(name.to_owned()), 20)]);
    assert_eq!(from(&pocket, "default/gw", 80, "prod.example", "/").send(|_| {}).await, by("green"));
    assert_counts(&pocket, &[("alb.example", 0), ("blue", 0), ("green", 20)]).await;
    assert_eq!(from(&pocket, "default/gw", 80, "prod.example", "/x").send(|_| {}).await, by("blue"));
    assert_counts(&pocket, &[("alb.example", 20), ("blue", 20), ("green", 20)]).await;
    // In the mesh the host is called by its name.
    assert_eq!(from(&pocket, "mesh", 8080, "alb.example", "/").send(|_| {}).await, by("alb.example"));
    pocket.stop().await;
}

#[tokio::test]
async fn an_endpoint_on_this_machine_is_asked_itself() {
    let own = serin::echo::EchoServer::start(
        &World::parse("default", &[Text::new("own.yaml", "{apiVersion: v1, kind: Pod, metadata: {name: own}}")])
            .unwrap()
            .workloads[0],
        serin::manifests::Replica { namespace: "a".into(), kind: "Pod".into(), workload: "own".into(), number: 0 },
    )
    .await
    .unwrap();
    let pocket = pocket_of(&format!(
        "{{apiVersion: networking.istio.io/v1, kind: ServiceEntry, metadata: {{name: api}}, \
           spec: {{hosts: [api.example], resolution: STATIC, ports: [{{number: 80, name: http, protocol: HTTP}}], \
                   endpoints: [{{address: 127.0.0.1, ports: {{http: {}}}}}]}}}}\n",
        own.address().port()
    ))
    .await;
    assert!(pocket.warnings().is_empty() && pocket.workloads().is_empty(), "{:?}", pocket.warnings());
    let answers = from(&pocket, "mesh", 80, "api.example", "/").send(|_| {}).await;
    assert_eq!((answers, own.arrivals()), (Tally::from([(Answer::From("own".to_owned()), 20)]), 20));
    pocket.stop().await;
}
