import Testing

/// The password in `DATABASE_URL` is never printed, however libpq parses it. Uses the real executables.
struct SecretTests {
    /// Each contains a part that libpq would quote: an invalid escape, or a host, port or database cut out of the
    /// password.
    static let urls = [
        "postgres://u:can%ary@127.0.0.1:1/d", "postgres://u:can/canary@127.0.0.1:1/d",
        "postgres://u:5/canary@127.0.0.1/d",
        "postgres://u:x@canary@127.0.0.1:1/d", "postgres://canary/x:y@127.0.0.1:1/d",
        "host=127.0.0.1 password=my canary",
        "host=127.0.0.1 password=a canary=b", "canary", "postgres://u:p@127.0.0.1:1/d?canary=1",
        "postgres://u:c:canary@[::1",
    ]

    @Test(arguments: urls)
    func `a connection string that cannot be read is refused, and no part of it is quoted`(url: String) async throws {
        let costs = try await Command.winnow(["costs"], environment: ["DATABASE_URL": url])
        #expect(costs.status == 1)
        #expect(costs.errors.contains("setting DATABASE_URL: is not a connection string"))
        let doctor = try await Command.winnow(["doctor"], environment: ["DATABASE_URL": url])
        let service = try await Command.shell(
            "aggregator", environment: ["DATABASE_URL": url, "KAFKA_BOOTSTRAP_SERVERS": "127.0.0.1:1"])
        #expect(service.status == 2)
        for text in [costs.output, costs.errors, doctor.output, doctor.errors, service.output, service.errors] {
            #expect(!text.contains("canary") && !text.contains("can%"), "\(text)")
        }
    }

    /// The password equals the name of the user, which libpq prints.
    @Test(arguments: [
        ["DATABASE_URL": "postgres://canary:canary@127.0.0.1:1/d"],
        ["DATABASE_URL": "postgres://canary:can%61ry@127.0.0.1:1/d"],
        ["DATABASE_URL": "host=127.0.0.1 port=1 user=canary password='canary'"],
        ["PGHOST": "/nowhere/canary", "PGUSER": "u", "PGPASSWORD": "canary"],
    ])
    func `a password is taken out of libpq's messages by its value`(environment: [String: String]) async throws {
        let result = try await Command.winnow(["costs"], environment: environment)
        #expect(result.status == 1)
        #expect(result.errors.contains("no connection"))
        #expect(!result.errors.contains("canary"), "\(result.errors)")
    }

    @Test(arguments: ["PGDATABASE", "PGHOST"])
    func `a connection string in another variable is refused and not logged`(variable: String) async throws {
        let result = try await Command.shell(
            "aggregator",
            environment: [variable: "postgres://u:canary@127.0.0.1/d", "KAFKA_BOOTSTRAP_SERVERS": "127.0.0.1:1"])
        #expect(result.status == 2)
        #expect(result.errors.contains("goes into DATABASE_URL"))
        #expect(!result.errors.contains("canary"))
    }
}
