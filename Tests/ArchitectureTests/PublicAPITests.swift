import Foundation
import Testing

/// What other programs may rely on changes on purpose only: `make api` records it anew.
@Suite struct PublicAPITests {
    private static let folder = URL(filePath: #filePath).deletingLastPathComponent()
    private static let root = folder.deletingLastPathComponent().deletingLastPathComponent()

    @Test(arguments: [("Contracts", 100), ("Client", 20)])
    func `the public declarations of a module are the recorded ones`(module: String, atLeast count: Int) throws {
        let files = try SourceFile.all(in: "Shared/\(module)", of: Self.root)
        let declarations = PublicAPI(of: files).declarations
        let record = Self.folder.appending(path: "PublicAPI/\(module).txt")
        if ProcessInfo.processInfo.environment["WINNOW_RECORD_API"] != nil {
            try (declarations.joined(separator: "\n") + "\n").write(to: record, atomically: true, encoding: .utf8)
        }
        let recorded = try String(contentsOf: record, encoding: .utf8).split(separator: "\n").map(String.init)
        #expect(declarations.count > count)
        #expect(Set(declarations).subtracting(recorded).sorted() == [], "new: `make api` records them")
        #expect(Set(recorded).subtracting(declarations).sorted() == [], "gone: `make api` strikes them")
    }

    @Test func `a declaration is found with its type, and without body and value`() {
        let code = """
            public struct A: Sendable {
                public let b: Int
                var hidden = 1
                public var c: Int { b + 1 }
                public static let d = [1, 2]
                public init(
                    b: Int, e: Int = 2
                ) { self.b = b }
                public func f() -> Int {
                    let local = 3
                    return local
                }
            }
            public enum G: String { case h, i }
            enum Hidden { case j }
            public protocol K {
                func l() async throws
                var m: Int { get }
            }
            extension A { public func n<T>(_ t: T) where T: K {} }
            """
        let file = SourceFile(path: "Shared/X/A.swift", text: code)
        #expect(
            PublicAPI(of: [file]).declarations == [
                "A: public func f() -> Int", "A: public func n<T>(_ t: T) where T: K",
                "A: public init( b: Int, e: Int = 2 )", "A: public let b: Int", "A: public static let d",
                "A: public var c: Int", "G: case h, i", "K: func l() async throws", "K: var m: Int",
                "public enum G: String", "public protocol K", "public struct A: Sendable",
            ])
    }
}
