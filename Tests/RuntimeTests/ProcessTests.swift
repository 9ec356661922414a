import Glibc
import Testing

@Suite struct ProcessTests {
    @Test(arguments: [SIGTERM, SIGINT])
    func `a first signal ends a service in order, with 0`(signal: Int32) async throws {
        try await ProbeProcess.run(["PROBE": "waits"]) { probe in
            try await probe.logs("Running")
            probe.send(signal)
            #expect(await probe.exitCode == 0)
            #expect(probe.log.contains(#""message":"Stopped""#))
        }
    }

    @Test func `a second signal ends it at once, with 128 and the signal's number`() async throws {
        try await ProbeProcess.run(["PROBE": "hangs"]) { probe in
            try await probe.logs("Running")
            probe.send(SIGTERM)
            try await probe.logs("Stopping")
            probe.send(SIGINT)
            #expect(await probe.exitCode == 130)
        }
    }

    @Test func `a service that does not stop in time is ended, with 1`() async throws {
        try await ProbeProcess.run(["PROBE": "hangs", "WINNOW_SHUTDOWN_TIMEOUT_SECONDS": "1"]) { probe in
            try await probe.logs("Running")
            probe.send(SIGTERM)
            #expect(await probe.exitCode == 1)
            #expect(probe.log.contains("Stopping exceeded its timeout"))
        }
    }

    @Test func `a service that fails ends the process with 1`() async throws {
        try await ProbeProcess.run(["PROBE": "fails"]) { probe in
            #expect(await probe.exitCode == 1)
            #expect(probe.log.contains("Service ended with a fault"))
        }
    }

    @Test(arguments: [[:], ["PROBE": "unknown"], ["PROBE": "waits", "WINNOW_HTTP_PORT": "70000"]])
    func `a setting that is wrong ends the process with 2`(environment: [String: String]) async throws {
        try await ProbeProcess.run(environment) { probe in
            #expect(await probe.exitCode == 2)
            #expect(probe.log.contains("Invalid setting"))
        }
    }

    @Test func `a write to a closed pipe does not end the process`() async throws {
        try await ProbeProcess.run(["PROBE": "waits"]) { probe in
            try await probe.logs("Running")
            probe.send(SIGPIPE)
            probe.send(SIGTERM)
            #expect(await probe.exitCode == 0)
        }
    }
}
