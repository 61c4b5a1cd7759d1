// Certificates for one test, made by the openssl command: an authority, and what it signs.
#pragma once

#include <gtest/gtest.h>

#include <cstdlib>
#include <string>

#include "support/temp_directory.hpp"

namespace khala::support {

class Authority {
public:
    explicit Authority(const std::string& name) {
        run("req -x509 " + kKey + " -days 2 -subj /CN=" + name + " -keyout " + file("ca.key") + " -out " + ca());
    }

    // Makes `<name>.crt` and `<name>.key`; `names` as "DNS:localhost,IP:127.0.0.1".
    void issue(const std::string& name, const std::string& names) const {
        run("req -x509 " + kKey + " -days 2 -subj /CN=" + name + " -addext subjectAltName=" + names +
            " -addext basicConstraints=critical,CA:FALSE -CA " + ca() + " -CAkey " + file("ca.key") + " -keyout " +
            file(name + ".key") + " -out " + file(name + ".crt"));
    }
    [[nodiscard]] std::string ca() const { return file("ca.crt"); }
    [[nodiscard]] std::string certificate(const std::string& name) const { return file(name + ".crt"); }
    [[nodiscard]] std::string key(const std::string& name) const { return file(name + ".key"); }
    [[nodiscard]] const TempDirectory& directory() const { return directory_; }

private:
    inline static const std::string kKey = "-newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes";

    void run(const std::string& arguments) const {
        const std::string log = file("openssl.log");
        // Only names made here are part of the line.
        EXPECT_EQ(std::system(("openssl " + arguments + " > " + log + " 2>&1").c_str()), 0) << arguments;
    }
    [[nodiscard]] std::string file(const std::string& name) const { return directory_.file(name); }

    TempDirectory directory_;
};

}  // namespace khala::support
