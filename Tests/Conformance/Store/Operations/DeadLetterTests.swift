import Contracts
import PostgresStore
import Testing

@Suite struct DeadLetterTests {
    private func place(_ offset: Int64, at time: Timestamp = Fixture.noon) -> DeadLetterRegister.Place {
        .init(topic: "letters", partition: 0, offset: offset, writtenAt: time)
    }

    @Test func `what was disposed of is known by its place and its instant`() async throws {
        try await TestDatabase.with { database in
            let register = DeadLetterRegister(database.settings)
            #expect(try await register.disposed(of: []) == [])
            try await register.dispose(of: [], as: .replayed)
            try await register.dispose(of: [place(1), place(2), place(2)], as: .discarded)
            // The topic was created again, so its second record is a different one.
            let again = place(1, at: Fixture.noon.adding(milliseconds: 1))
            #expect(try await register.disposed(of: [place(1), place(2), place(3), again]) == [place(1), place(2)])
        }
    }

    @Test func `the latest disposition of a dead letter counts`() async throws {
        try await TestDatabase.with { database in
            let register = DeadLetterRegister(database.settings)
            try await register.dispose(of: [place(1)], as: .discarded)
            try await register.dispose(of: [place(1)], as: .replayed)
            let words = try await database.column("SELECT disposition FROM winnow.dead_letter_disposition")
            #expect(words == ["replayed"])
        }
    }
}
