#include <signal.h>

#include <cstdio>

#include "command.hpp"
#include "process.hpp"

namespace budkavle::app {
void add_ap(CLI::App& app, Exit& exit);  ///< for operators
}  // namespace budkavle::app

namespace {

/// An option that may be repeated takes one value each time; what follows may be a file of the command.
void one_value_each(CLI::App& command) {
    for (auto* option : command.get_options()) option->allow_extra_args(false);
    for (auto* below : command.get_subcommands({})) one_value_each(*below);
}

int run(int argc, char** argv) {
    using namespace budkavle::app;
    ::signal(SIGPIPE, SIG_IGN);
    keep_memory_private();  // keys live in it
    CLI::App app{std::string(tr("Budkavle: secure digital communication (SDK) between organisations",
                                "Budkavle: säker digital kommunikation (SDK) mellan organisationer"))};
    app.name("budkavle");
    app.require_subcommand(1);
    app.set_help_all_flag("--help-all", std::string(tr("Help of every command", "Hjälp för alla kommandon")));
    app.set_version_flag("--version", "budkavle " BUDKAVLE_VERSION);
    Exit exit = Exit::usage;
    add_demo(app, exit);
    add_messages(app, exit);
    add_check(app, exit);
    add_serve(app, exit);
    add_migrate(app, exit);
    add_backup(app, exit);
    add_xhe(app, exit);
    add_as4(app, exit);
    add_ap(app, exit);
    add_smp(app, exit);
    add_sml(app, exit);
    add_consistency(app, exit);
    add_pki(app, exit);
    add_admin(app, exit);
    one_value_each(app);
    try {
        app.parse(argc, argv);
    } catch (const CLI::ParseError& error) {
        return app.exit(error) == 0 ? static_cast<int>(Exit::yes) : static_cast<int>(Exit::usage);
    }
    return static_cast<int>(exit);
}

}  // namespace

int main(int argc, char** argv) {
    try {
        return run(argc, argv);
    } catch (...) {  // out of memory, or a fault of ours: never a stack of frames for the user
        std::fputs("budkavle: internal error\n", stderr);
        return static_cast<int>(budkavle::app::Exit::usage);
    }
}
