import CKernels
import COneDNN

/// oneDNN's engine and stream, and the products made so far. One thread at a time.
///
/// A primitive is compiled for one shape, row count included, which takes a third of a millisecond; it is kept for the
/// life of the engine, and a longer product is made of those of few row counts (`Linear.block`).
final class OneDNN {
    struct Shape: Hashable {
        let rows: Int
        let inputs: Int
        let outputs: Int
    }

    let engine: dnnl_engine_t
    let stream: dnnl_stream_t
    private var products: [Shape: Product] = [:]
    /// Whose engine this is; `nil` where it is its own.
    private let owner: OneDNN?

    init() throws(InferenceError) {
        winnow_single_thread()
        var engine: dnnl_engine_t?
        try check(dnnl_engine_create(&engine, dnnl_cpu, 0), "engine")
        guard let engine else { throw InferenceError(.compute, "oneDNN gave no engine") }
        do throws(InferenceError) {
            stream = try Self.stream(engine)
        } catch {
            dnnl_engine_destroy(engine)
            throw error
        }
        (self.engine, owner) = (engine, nil)
    }

    /// For another thread: the same engine, so that weights packed for one are read by both.
    init(sharing other: OneDNN) throws(InferenceError) {
        stream = try Self.stream(other.engine)
        (engine, owner) = (other.engine, other)
    }

    deinit {
        products.removeAll()
        dnnl_stream_destroy(stream)
        if owner == nil { dnnl_engine_destroy(engine) }
    }

    private static func stream(_ engine: dnnl_engine_t) throws(InferenceError) -> dnnl_stream_t {
        var stream: dnnl_stream_t?
        try check(dnnl_stream_create(&stream, engine, UInt32(dnnl_stream_default_flags.rawValue)), "stream")
        guard let stream else { throw InferenceError(.compute, "oneDNN gave no stream") }
        return stream
    }

    func product(_ shape: Shape) throws(InferenceError) -> Product {
        if let product = products[shape] { return product }
        let product = try Product(shape, engine: engine)
        products[shape] = product
        return product
    }

    /// Whether u8 x s8 adds up exactly. Without VNNI oneDNN multiplies with `vpmaddubsw`, which saturates at 16 bits;
    /// asking for the one sum that would show it is surer than a list of processors.
    static let isExact: Bool = {
        guard let library = try? OneDNN() else { return false }
        let shape = Shape(rows: 1, inputs: 64, outputs: 16)
        let weights = [Int8](repeating: 127, count: 64 * 16)
        guard let product = try? library.product(shape),
            let packed = weights.withUnsafeBufferPointer({ try? PackedWeights($0, product, library) })
        else { return false }
        var source = [UInt8](repeating: 255, count: 64)
        var sums = [Int32](repeating: 0, count: 16)
        source.withUnsafeMutableBufferPointer { source in
            sums.withUnsafeMutableBufferPointer { sums in
                guard let input = source.baseAddress, let output = sums.baseAddress else { return }
                try? product.run(packed, input, output, library.stream)
            }
        }
        return sums.allSatisfy { $0 == 64 * 255 * 127 }
    }()
}

func check(_ status: dnnl_status_t, _ what: StaticString) throws(InferenceError) {
    guard status == dnnl_success else {
        throw InferenceError(.compute, "oneDNN refused the \(what): status \(status.rawValue)")
    }
}
