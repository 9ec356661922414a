import Contracts

/// A Deployment for each service and each worker, and a KEDA ScaledObject that follows its lag.
extension CatalogRendering {
    func kubernetes() -> [String] {
        let services = [
            // Bulk requests above the window are meant to wait in their topic, so their lag asks for no replicas.
            KubernetesService(
                "decomposer", hasDatabase: true, scaledBy: [(.interactive, Topic.requests(.interactive))]),
            KubernetesService(
                "escalator", hasDatabase: true, readsKeys: true, scaledBy: lanes(Topic.escalations)),
            KubernetesService("aggregator", hasDatabase: true, scaledBy: lanes(Topic.outcomes)),
        ]
        let workers = capabilities.map { capability in
            KubernetesService(
                capability.worker, serving: capability, hasDatabase: false,
                scaledBy: lanes { Topic.steps(capability, $0) })
        }
        return (services + workers).flatMap { service in
            service.deployment + service.scaledObject(maxReplicas: maxReplicas(of: service))
        }
    }

    private func lanes(_ topic: (Lane) -> String) -> [(lane: Lane, topic: String)] {
        Lane.allCases.map { ($0, topic($0)) }
    }

    private func maxReplicas(of service: KubernetesService) -> Int {
        service.topics.compactMap { partitions[$0.topic] }.max() ?? 1
    }
}

private struct KubernetesService {
    let name: String
    /// `nil` for a service that is no worker.
    let capability: Capability?
    let hasDatabase: Bool
    /// Whether it asks endpoints, and so reads the files of their keys.
    let readsKeys: Bool
    let topics: [(lane: Lane, topic: String)]

    init(
        _ name: String, serving capability: Capability? = nil, hasDatabase: Bool, readsKeys: Bool = false,
        scaledBy topics: [(lane: Lane, topic: String)]
    ) {
        self.name = name
        self.capability = capability
        self.hasDatabase = hasDatabase
        self.readsKeys = readsKeys
        self.topics = topics
    }

    /// Memory as in docker-compose.yml. There is no limit of CPU, since throttling would delay interactive answers.
    var deployment: [String] {
        let maps = ["winnow"] + (hasDatabase ? ["winnow-postgres"] : [])
        let memory = hasDatabase ? "256Mi" : "160Mi"
        let environment = capability.map { ["WINNOW_CAPABILITY": $0.rawValue, "OTEL_SERVICE_NAME": name] } ?? [:]
        let keys = readsKeys ? (mount: Self.keyMount, volume: Self.keyVolume) : (mount: "", volume: "")
        let variables = environment.sorted { $0.key > $1.key }.map { "\n            - {name: \($0), value: \($1)}" }
        return Self.lines(
            """
            ---
            apiVersion: apps/v1
            kind: Deployment
            metadata:
              name: \(name)
              labels: {app.kubernetes.io/name: \(name), app.kubernetes.io/part-of: winnow}
            spec:
              selector:
                matchLabels: {app.kubernetes.io/name: \(name)}
              template:
                metadata:
                  labels: {app.kubernetes.io/name: \(name), app.kubernetes.io/part-of: winnow}
                spec:
                  automountServiceAccountToken: false
                  terminationGracePeriodSeconds: 40
                  securityContext:
                    runAsNonRoot: true
                    runAsUser: 10001
                    fsGroup: 10001
                    seccompProfile: {type: RuntimeDefault}
                  containers:
                    - name: \(name)
                      image: winnow:0.1.0
                      args: ["\(capability == nil ? name : "capability-worker")"]\(
                        variables.isEmpty ? "" : "\n          env:" + variables.joined())
                      envFrom:
            \(maps.map { "            - configMapRef: {name: \($0)}" }.joined(separator: "\n"))
                        - secretRef: {name: winnow-\(name)}
                      ports:
                        - {name: http, containerPort: 8080}
                      startupProbe:
                        httpGet: {path: /livez, port: http}
                        periodSeconds: 1
                        failureThreshold: 30
                      livenessProbe:
                        httpGet: {path: /livez, port: http}
                        timeoutSeconds: 3
                      readinessProbe:
                        httpGet: {path: /readyz, port: http}
                        timeoutSeconds: 3
                      resources:
                        requests: {cpu: 250m, memory: \(memory)}
                        limits: {memory: \(memory)}
                      securityContext:
                        allowPrivilegeEscalation: false
                        readOnlyRootFilesystem: true
                        capabilities: {drop: [ALL]}
                      volumeMounts:
                        - {name: signing-key, mountPath: /keys, readOnly: true}\(keys.mount)
                  volumes:
                    - name: signing-key
                      secret: {secretName: winnow-signing-key, defaultMode: 0440}\(keys.volume)
            """)
    }

    /// The folder in which an endpoint's file names its key.
    private static let keyMount =
        "\n            - {name: endpoint-keys, mountPath: /opt/winnow/endpoints, readOnly: true}"
    private static let keyVolume = """

                - name: endpoint-keys
                  secret: {secretName: winnow-endpoint-keys, optional: true, defaultMode: 0440}
        """

    func scaledObject(maxReplicas: Int) -> [String] {
        Self.lines(
            """
            ---
            apiVersion: keda.sh/v1alpha1
            kind: ScaledObject
            metadata:
              name: \(name)
              labels: {app.kubernetes.io/name: \(name), app.kubernetes.io/part-of: winnow}
            spec:
              scaleTargetRef: {name: \(name)}
              minReplicaCount: 1
              maxReplicaCount: \(maxReplicas)
              triggers:
            """) + topics.flatMap { trigger(lane: $0.lane, topic: $0.topic) }
    }

    /// Nobody waits for the bulk lane, so ten times as many of its records justify another replica.
    private func trigger(lane: Lane, topic: String) -> [String] {
        Self.lines(
            """
                - type: kafka
                  metadata:
                    bootstrapServersFromEnv: KAFKA_BOOTSTRAP_SERVERS
                    consumerGroup: \(ConsumerGroup.name(of: lane.loop(of: name)))
                    topic: \(topic)
                    lagThreshold: "\(lane == .bulk ? 1000 : 100)"
                    limitToPartitionsWithLag: "true"
                  authenticationRef: {name: winnow-kafka}
            """)
    }

    private static func lines(_ text: String) -> [String] {
        text.split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
    }
}
