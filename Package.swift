// swift-tools-version: 6.2
import PackageDescription

/// One word adds a capability worker. Its folder is in `Services/Workers`.
let capabilities = ["SemanticUnderstanding", "SoftwareDevelopment", "LegalServices", "SecurityServices"]

let strict: [SwiftSetting] = [
    .swiftLanguageMode(.v6),
    .treatAllWarnings(as: .error),
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("MemberImportVisibility"),
]

func kebab(_ name: String) -> String {
    name.reduce(into: "") { out, character in
        if character.isUppercase, !out.isEmpty { out += "-" }
        out += character.lowercased()
    }
}

func shared(_ name: String, _ dependencies: [Target.Dependency] = [], resources: [Resource]? = nil) -> Target {
    .target(
        name: name, dependencies: dependencies, path: "Shared/\(name)", resources: resources, swiftSettings: strict)
}

func service(_ name: String, path: String? = nil, _ dependencies: [Target.Dependency]) -> Target {
    .executableTarget(
        name: name, dependencies: dependencies, path: path ?? "Services/\(name)", swiftSettings: strict)
}

func tests(_ name: String, path: String? = nil, exclude: [String] = [], _ dependencies: [Target.Dependency]) -> Target {
    .testTarget(
        name: "\(name)Tests", dependencies: dependencies, path: path ?? "Tests/\(name)Tests", exclude: exclude,
        swiftSettings: strict)
}

func testSupport(_ name: String, _ dependencies: [Target.Dependency]) -> Target {
    .target(name: name, dependencies: dependencies, path: "Tests/\(name)", swiftSettings: strict)
}

func library(_ name: String, pkgConfig: String? = nil) -> Target {
    .systemLibrary(name: name, path: "Shared/\(name)", pkgConfig: pkgConfig)
}

// The C libraries, each with a module map and a shim. Exactly one target imports each.
let cModules: [Target] = [
    library("CRDKafka", pkgConfig: "rdkafka"),
    library("CLibPQ", pkgConfig: "libpq"),
    library("CCrypto", pkgConfig: "libcrypto"),
    library("CMicroHTTPD", pkgConfig: "libmicrohttpd"),
    library("COneDNN"),
    library("CZlib"),
    library("CCurl", pkgConfig: "libcurl"),
    .target(name: "CPatientWait", path: "Shared/CPatientWait"),
    .target(name: "CStandardStreams", path: "Shared/CStandardStreams"),
    .target(name: "CPinnedPort", path: "Shared/CPinnedPort"),
    .target(name: "CKernels", path: "Shared/CKernels", exclude: ["Scripts"], cSettings: [.unsafeFlags(["-O3"])]),
    .target(
        name: "CSimdjson", path: "Shared/CSimdjson", cxxSettings: [.unsafeFlags(["-O2"])],
        linkerSettings: [.linkedLibrary("simdjson"), .linkedLibrary("stdc++")]),
    .target(
        name: "CCLD2", path: "Shared/CCLD2", cxxSettings: [.unsafeFlags(["-O2"])],
        linkerSettings: [.linkedLibrary("cld2"), .linkedLibrary("stdc++")]),
]

// Ordered by dependency: a target imports only targets above it.
let sharedModules: [Target] = [
    shared("JSON", ["CSimdjson"]),
    shared("Contracts", ["JSON"]),
    shared("Crypto", ["CCrypto", "Contracts"]),
    shared("Certification", ["Contracts", "JSON"]),
    shared("Languages", ["CCLD2", "Contracts"]),
    shared("Settings"),
    shared("CatalogFile", ["Contracts", "Crypto", "JSON", "Settings"]),
    shared("Telemetry", ["Contracts", "JSON"]),
    shared("Lifecycle", ["Telemetry"]),
    shared("MessageBus", ["Contracts", "JSON"]),
    shared("Signing", ["Contracts", "Crypto", "MessageBus", "Settings", "Telemetry"]),
    shared("Models", ["Contracts", "Crypto", "JSON"]),
    shared(
        "ModelEndpoint", ["CCurl", "Contracts", "Crypto", "JSON", "Lifecycle", "Models", "Settings", "Telemetry"]),
    shared("Store", ["Contracts"]),
    shared("Planning", ["Contracts", "JSON", "MessageBus", "Store", "Telemetry"]),
    shared("Client", ["Contracts", "JSON", "MessageBus", "Planning", "Store"]),
    shared("Inference", ["COneDNN", "CKernels", "Contracts", "Crypto", "JSON"]),
    shared("Routing", ["Contracts", "Inference", "Languages"]),
    shared(
        "Evaluation", ["Certification", "Client", "Contracts", "Inference", "JSON", "Languages", "Models", "Store"]),
    shared(
        "KafkaBus",
        ["CPatientWait", "CRDKafka", "Contracts", "JSON", "Lifecycle", "MessageBus", "Settings", "Telemetry"]),
    shared(
        "PostgresStore", ["CLibPQ", "Contracts", "Lifecycle", "Settings", "Store", "Telemetry"],
        resources: [.embedInCode("Migrations")]),
    shared("Runtime", ["CMicroHTTPD", "CStandardStreams", "Contracts", "JSON", "Lifecycle", "Settings", "Telemetry"]),
    shared("Delivery", ["Contracts", "Lifecycle", "MessageBus", "Runtime", "Signing", "Telemetry"]),
    shared(
        "CatalogFeed",
        [
            "CatalogFile", "Contracts", "Delivery", "Lifecycle", "MessageBus", "Planning", "Signing", "Store",
            "Telemetry",
        ]),
    shared(
        "Instances",
        ["Contracts", "Delivery", "Lifecycle", "MessageBus", "Planning", "Runtime", "Settings", "Telemetry"]),
    shared(
        "WorkerKit",
        [
            "CatalogFeed", "Certification", "Contracts", "Delivery", "Inference", "Instances", "Languages", "Lifecycle",
            "MessageBus", "Models", "Planning", "Runtime", "Settings", "Signing", "Telemetry",
        ]),
]

let live: [Target.Dependency] = [
    "CatalogFeed", "CatalogFile", "Contracts", "Delivery", "Instances", "KafkaBus", "Lifecycle", "MessageBus",
    "Planning", "Runtime", "Settings", "Signing", "Telemetry",
]

let liveWithModels = live + ["Crypto", "Inference", "Languages", "PostgresStore", "Store", "WorkerKit"]

let services: [Target] =
    [
        service("Decomposer", liveWithModels + ["JSON", "Routing"]),
        service("Escalator", liveWithModels + ["ModelEndpoint", "Models"]),
        service("Aggregator", live + ["Certification", "PostgresStore", "Store"]),
        service(
            "CLI",
            live + [
                "CZlib", "Certification", "Client", "Crypto", "Evaluation", "Inference", "JSON", "Languages",
                "ModelEndpoint", "Models", "PostgresStore", "Routing", "Store",
            ]),
        service(
            "DevBroker", ["CPinnedPort", "KafkaBus", "Lifecycle", "MessageBus", "Runtime", "Settings", "Telemetry"]),
    ]
    + capabilities.map { service("\($0)Worker", path: "Services/Workers/\($0)Worker", ["KafkaBus", "WorkerKit"]) }
    + [service("CapabilityWorker", path: "Services/Workers/CapabilityWorker", ["KafkaBus", "WorkerKit"])]

// `make bench` measures these beside the reference.
let benchmarks: [Target] = [
    service("EncoderBench", path: "Tests/Benchmarks/EncoderBench", ["BuiltInCatalog", "Contracts", "Inference"]),
    service(
        "StoreBench", path: "Tests/Benchmarks/StoreBench",
        ["BuiltInCatalog", "Contracts", "PostgresStore", "Settings", "Store"]),
    service(
        "LoadBench", path: "Tests/Benchmarks/LoadBench",
        [
            "BuiltInCatalog", "Contracts", "Delivery", "JSON", "KafkaBus", "MessageBus", "Planning", "Settings",
            "Telemetry",
        ]),
]

let testTargets: [Target] = [
    // The catalog of the repository, and the names in it.
    testSupport("BuiltInCatalog", ["CatalogFile", "Contracts"]),
    // In-memory implementations of the seams, for tests.
    testSupport("MessageBusTesting", ["Contracts", "MessageBus"]),
    testSupport("StoreTesting", ["Contracts", "Store"]),
    // Run by `make certify-proof`.
    service("CertifyProof", path: "Tests/CertifyProof/Draws", ["Certification"]),
    // The chaos run reads topics with this.
    service(
        "TopicTail", path: "Tests/Chaos/TopicTail", ["Contracts", "KafkaBus", "MessageBus", "Settings", "Telemetry"]),
    tests("JSON", ["JSON"]),
    tests("Crypto", ["Crypto"]),
    tests("Contracts", ["BuiltInCatalog", "Contracts", "JSON"]),
    tests(
        "CatalogFile", exclude: ["Examples", "check_examples.py"], ["CatalogFile", "Contracts", "Inference", "TestKit"]),
    tests("Certification", ["Certification", "Contracts"]),
    tests("Languages", ["BuiltInCatalog", "Contracts", "Languages"]),
    tests("Settings", ["Settings"]),
    tests("Telemetry", ["JSON", "Telemetry"]),
    tests("Lifecycle", ["Lifecycle", "Telemetry"]),
    tests("ModelEndpoint", ["Contracts", "JSON", "ModelEndpoint", "Models", "Settings", "Telemetry"]),
    tests("Signing", ["Contracts", "MessageBus", "MessageBusTesting", "Settings", "Signing", "Telemetry"]),
    tests("Inference", exclude: ["Golden"], ["BuiltInCatalog", "Contracts", "Crypto", "Inference"]),
    service("RuntimeProbe", path: "Tests/RuntimeProbe", ["Lifecycle", "Runtime", "Settings", "Telemetry"]),
    tests("Runtime", ["JSON", "Lifecycle", "Runtime", "RuntimeProbe", "Settings", "Telemetry"]),
    // Shared by the tests of the services: scripted models, records without a broker, the tree's own files.
    testSupport(
        "TestKit",
        [
            "BuiltInCatalog", "Contracts", "Delivery", "Inference", "Lifecycle", "MessageBus", "Planning", "Store",
            "Telemetry", "WorkerKit",
        ]),
    tests(
        "Planning", ["BuiltInCatalog", "Contracts", "JSON", "MessageBus", "Planning", "Store", "Telemetry", "TestKit"]),
    tests(
        "Client",
        [
            "BuiltInCatalog", "Client", "Contracts", "JSON", "MessageBus", "MessageBusTesting", "Planning", "Store",
            "StoreTesting",
        ]),
    tests(
        "Evaluation",
        [
            "BuiltInCatalog", "Certification", "Client", "Contracts", "Evaluation", "Inference", "JSON", "Models",
            "Store", "TestKit",
        ]),
    tests(
        "Delivery",
        [
            "Contracts", "Delivery", "JSON", "Lifecycle", "MessageBus", "MessageBusTesting", "Models", "Planning",
            "Runtime", "Signing", "Store", "Telemetry", "TestKit",
        ]),
    tests(
        "CatalogFeed",
        [
            "BuiltInCatalog", "CatalogFeed", "CatalogFile", "Contracts", "Delivery", "Lifecycle", "MessageBus",
            "MessageBusTesting", "Signing", "Store", "StoreTesting", "Telemetry", "TestKit",
        ]),
    tests(
        "Instances",
        [
            "Contracts", "Delivery", "Instances", "Lifecycle", "MessageBus", "MessageBusTesting", "Planning", "Runtime",
            "Settings", "Telemetry", "TestKit",
        ]),
    tests(
        "WorkerKit",
        [
            "BuiltInCatalog", "Contracts", "Delivery", "Inference", "Lifecycle", "MessageBus", "MessageBusTesting",
            "Planning", "Settings", "Store", "Telemetry", "TestKit", "WorkerKit",
        ]),
    tests(
        "Decomposer",
        [
            "BuiltInCatalog", "Contracts", "Decomposer", "Delivery", "Inference", "JSON", "Lifecycle", "MessageBus",
            "MessageBusTesting", "Planning", "Routing", "Settings", "Store", "StoreTesting", "Telemetry", "TestKit",
            "WorkerKit",
        ]),
    tests(
        "Escalator",
        [
            "BuiltInCatalog", "CatalogFeed", "CatalogFile", "Contracts", "Crypto", "Delivery", "Escalator", "Inference",
            "MessageBus", "ModelEndpoint", "Models", "Planning", "Store", "StoreTesting", "Telemetry", "TestKit",
            "WorkerKit",
        ]),
    tests(
        "Aggregator",
        [
            "Aggregator", "BuiltInCatalog", "CatalogFile", "Contracts", "Delivery", "JSON", "Lifecycle", "MessageBus",
            "MessageBusTesting", "Planning", "Settings", "Signing", "Store", "StoreTesting", "Telemetry", "TestKit",
        ]),
    tests(
        "Workers",
        ["BuiltInCatalog", "Contracts", "Inference", "MessageBus", "Planning", "Settings", "TestKit", "WorkerKit"]),
    tests(
        "CLI",
        [
            "BuiltInCatalog", "CLI", "CatalogFile", "Certification", "Client", "Contracts", "Evaluation", "Inference",
            "JSON", "KafkaBus", "MessageBus", "ModelEndpoint", "Models", "Planning", "PostgresStore", "Store",
            "Telemetry", "TestKit",
        ]),
    tests("Architecture", exclude: ["PublicAPI", "migrations.sha256"], ["Crypto"]),
    // Makes threads visible to ThreadSanitizer.
    .target(name: "VisibleThreads", path: "Tests/Sanitizers/VisibleThreads"),
    tests(
        "MessageBusConformance", path: "Tests/Conformance/MessageBus",
        [
            "BuiltInCatalog", "CRDKafka", "Contracts", "Delivery", "DevBroker", "JSON", "KafkaBus", "Lifecycle",
            "MessageBus", "MessageBusTesting", "Planning", "Settings", "Telemetry", "VisibleThreads",
        ]),
    tests(
        "StoreConformance", path: "Tests/Conformance/Store",
        [
            "BuiltInCatalog", "Certification", "Contracts", "Delivery", "Lifecycle", "MessageBus", "Planning",
            "PostgresStore", "Settings", "Store", "StoreTesting", "Telemetry",
        ]),
    tests(
        "EndToEnd", exclude: ["Fixtures"],
        [
            "BuiltInCatalog", "Contracts", "JSON", "KafkaBus", "Lifecycle", "MessageBus", "Planning", "PostgresStore",
            "Settings", "Store", "Telemetry",
        ]),
]

// Built only by `make fuzz`: libFuzzer provides their main, so other builds cannot link them.
let fuzzTargets: [Target] =
    Context.environment["WINNOW_FUZZ"] == nil
    ? []
    : [
        service("JSONFuzz", path: "Tests/Fuzz/JSONFuzz", ["BuiltInCatalog", "Contracts", "JSON"]),
        service("CloudEventFuzz", path: "Tests/Fuzz/CloudEventFuzz", ["Contracts", "MessageBus"]),
        service("ArtifactFuzz", path: "Tests/Fuzz/ArtifactFuzz", ["Contracts", "Inference"]),
        service("TokenizerFuzz", path: "Tests/Fuzz/TokenizerFuzz", ["Inference"]),
    ]

let package = Package(
    name: "winnow",
    products: [
        .executable(name: "winnow", targets: ["CLI"]),
        .executable(name: "decomposer", targets: ["Decomposer"]),
        .executable(name: "escalator", targets: ["Escalator"]),
        .executable(name: "aggregator", targets: ["Aggregator"]),
        .executable(name: "capability-worker", targets: ["CapabilityWorker"]),
        .executable(name: "dev-broker", targets: ["DevBroker"]),
    ] + capabilities.map { .executable(name: "\(kebab($0))-worker", targets: ["\($0)Worker"]) },
    targets: cModules + sharedModules + services + benchmarks + testTargets + fuzzTargets,
    cxxLanguageStandard: .cxx17
)
