// The BLAS and LAPACK names of the whole project: the Fortran symbols, and the wrappers that our code calls.
//
// A symbol is column-major and takes every argument by pointer, and after the visible arguments the hidden
// length of each character argument, which Fortran compilers pass and may rely on. No LAPACKE: Debian's
// OpenBLAS has none. A wrapper is column-major too, and takes sizes as int64, which must fit a lapack_int:
// whoever accepts sizes from outside checks blas::fits first.
//
// LAPACK's info is no safety signal (dpotrf of OpenBLAS 0.3.21 accepts NaN with info = 0): callers scan
// for non-finite values themselves.
#pragma once

#include <cassert>
#include <cstddef>
#include <cstdint>
#include <limits>

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
void dlaswp_(const lapack_int* n, double* a, const lapack_int* lda, const lapack_int* first,
             const lapack_int* last, const lapack_int* ipiv, const lapack_int* inc);
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

namespace onestep::blas {

/** Whether a size can be handed to BLAS and LAPACK. */
constexpr bool fits(int64_t size) { return size >= 0 && size <= std::numeric_limits<lapack_int>::max(); }

inline lapack_int narrow(int64_t size) {
  assert(fits(size));
  return static_cast<lapack_int>(size);
}

/** C ← α op(A) op(B) + βC, with op(A) m × k and op(B) k × n; 'N' or 'T'. */
inline void gemm(char transA, char transB, int64_t m, int64_t n, int64_t k, double alpha, const double* a,
                 int64_t lda, const double* b, int64_t ldb, double beta, double* c, int64_t ldc) {
  const lapack_int sizes[] = {narrow(m), narrow(n), narrow(k), narrow(lda), narrow(ldb), narrow(ldc)};
  dgemm_(&transA, &transB, &sizes[0], &sizes[1], &sizes[2], &alpha, a, &sizes[3], b, &sizes[4], &beta, c,
         &sizes[5]);
}

/** y ← α op(A) x + βy, with A m × n as stored. */
inline void gemv(char trans, int64_t m, int64_t n, double alpha, const double* a, int64_t lda,
                 const double* x, double beta, double* y) {
  const lapack_int sizes[] = {narrow(m), narrow(n), narrow(lda)}, one = 1;
  dgemv_(&trans, &sizes[0], &sizes[1], &alpha, a, &sizes[2], x, &one, &beta, y, &one);
}

/** One triangle ('L' or 'U') of C ← αAAᵀ + βC ('N', A n × k) or αAᵀA + βC ('T', A k × n). */
inline void syrk(char uplo, char trans, int64_t n, int64_t k, double alpha, const double* a, int64_t lda,
                 double beta, double* c, int64_t ldc) {
  const lapack_int sizes[] = {narrow(n), narrow(k), narrow(lda), narrow(ldc)};
  dsyrk_(&uplo, &trans, &sizes[0], &sizes[1], &alpha, a, &sizes[2], &beta, c, &sizes[3]);
}

/** B ← α op(A)⁻¹B (side 'L') or αB op(A)⁻¹ ('R'), with B m × n and A triangular; diag 'U' or 'N'. */
inline void trsm(char side, char uplo, char trans, char diag, int64_t m, int64_t n, double alpha,
                 const double* a, int64_t lda, double* b, int64_t ldb) {
  const lapack_int sizes[] = {narrow(m), narrow(n), narrow(lda), narrow(ldb)};
  dtrsm_(&side, &uplo, &trans, &diag, &sizes[0], &sizes[1], &alpha, a, &sizes[2], b, &sizes[3]);
}

/** x ← op(A)⁻¹x, with A triangular. */
inline void trsv(char uplo, char trans, char diag, int64_t n, const double* a, int64_t lda, double* x) {
  const lapack_int sizes[] = {narrow(n), narrow(lda)}, one = 1;
  dtrsv_(&uplo, &trans, &diag, &sizes[0], a, &sizes[1], x, &one);
}

/** A = LLᵀ ('L') or UᵀU ('U') in place. Returns LAPACK's info, which does not tell of NaN. */
inline lapack_int potrf(char uplo, int64_t n, double* a, int64_t lda) {
  const lapack_int sizes[] = {narrow(n), narrow(lda)};
  lapack_int info = 0;
  dpotrf_(&uplo, &sizes[0], a, &sizes[1], &info);
  return info;
}

/** PA = LU in place for an m × n matrix; pivots count from 1. Returns LAPACK's info. */
inline lapack_int getrf(int64_t m, int64_t n, double* a, int64_t lda, lapack_int* pivots) {
  const lapack_int sizes[] = {narrow(m), narrow(n), narrow(lda)};
  lapack_int info = 0;
  dgetrf_(&sizes[0], &sizes[1], a, &sizes[2], pivots, &info);
  return info;
}

/** Rows first … last − 1 of n columns change places with those that pivots, counting from 1, name. */
inline void laswp(int64_t n, double* a, int64_t lda, int64_t first, int64_t last, const lapack_int* pivots) {
  const lapack_int sizes[] = {narrow(n), narrow(lda), narrow(first + 1), narrow(last)}, one = 1;
  dlaswp_(&sizes[0], a, &sizes[1], &sizes[2], &sizes[3], pivots, &one);
}

/** X of AX = B ('N') or AᵀX = B ('T') in place, from the factorization of getrf. */
inline lapack_int getrs(char trans, int64_t n, int64_t columns, const double* a, int64_t lda,
                        const lapack_int* pivots, double* b, int64_t ldb) {
  const lapack_int sizes[] = {narrow(n), narrow(columns), narrow(lda), narrow(ldb)};
  lapack_int info = 0;
  dgetrs_(&trans, &sizes[0], &sizes[1], a, &sizes[2], pivots, b, &sizes[3], &info);
  return info;
}

}  // namespace onestep::blas
