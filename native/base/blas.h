// The BLAS and LAPACK names of the whole project, by their Fortran symbols: column-major, every argument
// a pointer, and after the visible arguments the hidden length of each character argument, which Fortran
// compilers pass and may rely on. No LAPACKE: Debian's OpenBLAS has none.
//
// LAPACK's info is no safety signal (dpotrf of OpenBLAS 0.3.21 accepts NaN with info = 0): callers scan
// for non-finite values themselves.
#pragma once

#include <cstddef>

namespace onestep {
/** LAPACK's integer: 32 bits. Sizes are multiplied in int64 and refused when they do not fit. */
using lapack_int = int;
}  // namespace onestep

extern "C" {
using onestep::lapack_int;

// C ← αAB + βC, y ← αAx + βy, C ← αAAᵀ + βC
void dgemm_(const char* transA, const char* transB, const lapack_int* m, const lapack_int* n,
            const lapack_int* k, const double* alpha, const double* a, const lapack_int* lda, const double* b,
            const lapack_int* ldb, const double* beta, double* c, const lapack_int* ldc, std::size_t = 1,
            std::size_t = 1);
void dgemv_(const char* trans, const lapack_int* m, const lapack_int* n, const double* alpha, const double* a,
            const lapack_int* lda, const double* x, const lapack_int* incx, const double* beta, double* y,
            const lapack_int* incy, std::size_t = 1);
void dsyrk_(const char* uplo, const char* trans, const lapack_int* n, const lapack_int* k,
            const double* alpha, const double* a, const lapack_int* lda, const double* beta, double* c,
            const lapack_int* ldc, std::size_t = 1, std::size_t = 1);
// B ← αA⁻¹B for triangular A, and the same for one vector
void dtrsm_(const char* side, const char* uplo, const char* transA, const char* diag, const lapack_int* m,
            const lapack_int* n, const double* alpha, const double* a, const lapack_int* lda, double* b,
            const lapack_int* ldb, std::size_t = 1, std::size_t = 1, std::size_t = 1, std::size_t = 1);
void dtrsv_(const char* uplo, const char* trans, const char* diag, const lapack_int* n, const double* a,
            const lapack_int* lda, double* x, const lapack_int* incx, std::size_t = 1, std::size_t = 1,
            std::size_t = 1);
// Cholesky A = LLᵀ, LU with partial pivoting PA = LU, Bunch–Kaufman A = LDLᵀ, and their solves
void dpotrf_(const char* uplo, const lapack_int* n, double* a, const lapack_int* lda, lapack_int* info,
             std::size_t = 1);
void dpotrs_(const char* uplo, const lapack_int* n, const lapack_int* nrhs, const double* a,
             const lapack_int* lda, double* b, const lapack_int* ldb, lapack_int* info, std::size_t = 1);
void dgetrf_(const lapack_int* m, const lapack_int* n, double* a, const lapack_int* lda, lapack_int* ipiv,
             lapack_int* info);
void dgetrs_(const char* trans, const lapack_int* n, const lapack_int* nrhs, const double* a,
             const lapack_int* lda, const lapack_int* ipiv, double* b, const lapack_int* ldb,
             lapack_int* info, std::size_t = 1);
void dsytrf_(const char* uplo, const lapack_int* n, double* a, const lapack_int* lda, lapack_int* ipiv,
             double* work, const lapack_int* lwork, lapack_int* info, std::size_t = 1);
void dsytrs_(const char* uplo, const lapack_int* n, const lapack_int* nrhs, const double* a,
             const lapack_int* lda, const lapack_int* ipiv, double* b, const lapack_int* ldb,
             lapack_int* info, std::size_t = 1);

// OpenBLAS's own
void openblas_set_num_threads(int threads);
int openblas_get_num_threads(void);
char* openblas_get_config(void);
char* openblas_get_corename(void);
/** 0: sequential, 1: its own threads, 2: OpenMP. */
int openblas_get_parallel(void);
}
